package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

var changeText = map[string]string{
	rankWords[blocked]: "newly blocked",
	rankWords[asked]:   "newly asked to sign in",
	rankWords[letIn]:   "newly let in",
	browserOnly:        "ends with the browser",
}

// Print writes the impact as text.
func (im *Impact) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Looked at %s and %s since %s; nothing was loaded.\n",
		counted(im.Sessions, "live session"), counted(im.SignIns, "sign-in"), im.Since.Format("2006-01-02 15:04 MST"))
	if len(im.Changes) == 0 {
		b.WriteString("\nNobody would be newly blocked, asked or let in.\n")
	} else {
		var rows [][]string
		for i := range im.Changes {
			c := &im.Changes[i]
			more := ""
			if len(c.Examples) < c.People {
				more = ", ..."
			}
			rows = append(rows, []string{
				c.Policy, changeText[c.Change], strconv.Itoa(c.Sessions), strconv.Itoa(c.SignIns), strconv.Itoa(c.People),
				strings.Join(c.Examples, ", ") + more,
			})
		}
		table := terminal.Table{Out: &b, Head: []string{"POLICY", "CHANGE", "SESSIONS", "SIGN-INS", "PEOPLE", "FOR EXAMPLE"}}
		b.WriteString("\n")
		_ = table.Print(rows) // writes to memory, cannot fail
	}
	if len(im.Unjudged) > 0 {
		b.WriteString("\nNot judged:\n")
		for _, u := range im.Unjudged {
			fmt.Fprintf(&b, "  %s: %s (%s)\n", terminal.Printable(u.About), u.Why, counted(u.Cases, "case"))
		}
	}
	if len(im.Notes) > 0 {
		b.WriteString("\nTo be borne in mind:\n")
		for _, n := range im.Notes {
			fmt.Fprintf(&b, "  %s\n", n)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
