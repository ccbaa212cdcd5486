package explain

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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
		tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(tw, "\nPOLICY\tCHANGE\tSESSIONS\tSIGN-INS\tPEOPLE\tFOR EXAMPLE\n")
		for i := range im.Changes {
			c := &im.Changes[i]
			more := ""
			if len(c.Examples) < c.People {
				more = ", ..."
			}
			fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%d\t%s\n", Printable(c.Policy), changeText[c.Change], c.Sessions, c.SignIns, c.People,
				Printable(strings.Join(c.Examples, ", "))+more)
		}
		_ = tw.Flush() // writes to memory, cannot fail
	}
	if len(im.Unjudged) > 0 {
		b.WriteString("\nNot judged:\n")
		for _, u := range im.Unjudged {
			fmt.Fprintf(&b, "  %s: %s (%s)\n", Printable(u.About), u.Why, counted(u.Cases, "case"))
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
