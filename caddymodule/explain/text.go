package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
	"github.com/latchkey-gateway/latchkey/policy"
)

// AppliedOnly removes the policies that do not apply.
func (ex *Explanation) AppliedOnly() {
	ex.Policies = slices.DeleteFunc(ex.Policies, func(p ExplainedPolicy) bool { return p.Applies == appliesNot })
}

// Print writes the explanation as text. appliedOnly leaves out the policies that do not apply.
func (ex *Explanation) Print(w io.Writer, appliedOnly bool) error {
	var b strings.Builder
	where := ""
	if len(ex.Networks) > 0 {
		where = " from " + strings.Join(ex.Networks, ", ")
	}
	fmt.Fprintf(&b, "%s: %s %s by %s%s, %s\n\n", terminal.Printable(ex.App), terminal.Printable(ex.Method), terminal.Printable(ex.Path),
		terminal.Printable(ex.Who), where, ex.At.Format("2006-01-02 15:04 MST"))
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-9s%s\n", label, text)
		}
	}
	line("Bound to", ex.BoundTo)
	line("Verdict", ex.verdict())
	line("Error", terminal.Printable(ex.Error))
	line("Unknown", strings.Join(ex.Unknown, ", "))
	line("Asks for", ex.Demand.text())
	line("Holds", ex.Controls.text())
	line("Prompt", ex.Prompt.text())
	line("Idle", ex.idle())
	line("Forwards", terminal.Printable(ex.Forwards))
	printSignals(&b, ex.Signalled)
	ex.table(&b, appliedOnly)
	_, err := io.WriteString(w, b.String())
	return err
}

func (ex *Explanation) verdict() string {
	text := fmt.Sprintf("%s, %s", ex.Verdict, ex.Reason)
	if len(ex.By) > 0 {
		text += " by " + terminal.Printable(strings.Join(ex.By, ", "))
	}
	if ex.Code != 0 {
		text += fmt.Sprintf(" (%d: %s)", ex.Code, ex.CodeReason)
	}
	return text
}

func (d *ExplainedDemand) text() string {
	if d == nil {
		return ""
	}
	var asks []string
	if d.MFA {
		asks = append(asks, "a second factor")
	}
	for _, acr := range d.ACRs {
		asks = append(asks, "acr "+terminal.Printable(acr))
	}
	if d.MaxAge != nil {
		if *d.MaxAge == 0 {
			asks = append(asks, "an authentication now")
		} else {
			asks = append(asks, "an authentication in the last "+config.Days(time.Duration(*d.MaxAge)*time.Second))
		}
	}
	return strings.Join(asks, "; ")
}

func (c *ExplainedControls) text() string {
	if c == nil {
		return ""
	}
	var holds []string
	add := func(word, value string, by []string) {
		if len(by) > 0 {
			holds = append(holds, fmt.Sprintf("%s %s (%s)", word, cmp.Or(value, "as it is"), terminal.Printable(strings.Join(by, ", "))))
		}
	}
	add("sign_in_frequency", c.Frequency, c.FrequencyBy)
	add("max_idle", c.MaxIdle, c.MaxIdleBy)
	add("persistent_browser", c.Persistent, c.PersistentBy)
	return strings.Join(holds, "; ")
}

func (p *ExplainedPrompt) text() string {
	switch {
	case p.Why != "":
		return "none: " + p.Why
	case p.Asked && p.Then:
		return "asked, once that is done"
	case p.Asked:
		return "asked"
	}
	return fmt.Sprintf("not asked: %s session (%s)", p.Kind, p.Reason)
}

func (ex *Explanation) table(b *strings.Builder, appliedOnly bool) {
	var rows [][]string
	for i := range ex.Policies {
		if p := &ex.Policies[i]; !appliedOnly || p.Applies != appliesNot {
			rows = append(rows, []string{p.Policy, p.Mode.String(), p.Applies, p.Result, p.why()})
		}
	}
	if len(rows) > 0 {
		b.WriteString("\n")
		table := terminal.Table{Out: b, Head: []string{"POLICY", "MODE", "", "RESULT", "WHY"}}
		_ = table.Print(rows) // writes to memory, cannot fail
	}
	if hidden := len(ex.Policies) - len(rows); hidden > 0 {
		fmt.Fprintf(b, "\n%d that do not apply are left out.\n", hidden)
	}
}

// why returns the reason for the result in a few words.
func (p *ExplainedPolicy) why() string {
	if p.Applies == appliesNot {
		first := p.Unmet[0]
		for _, ex := range p.Excluded {
			if ex == first {
				return first + " (excluded)"
			}
		}
		return first
	}
	var parts []string
	switch {
	case p.Error != "":
		parts = append(parts, "cannot be evaluated: "+p.Error)
	case len(p.Missing) > 0 && p.Missing[0] == "block":
		parts = append(parts, "blocks")
	case len(p.Missing) > 0:
		parts = append(parts, "not satisfied: "+strings.Join(p.Missing, ", "))
	default:
		parts = append(parts, strings.Join(append(p.Grants, p.Sessions...), ", "))
	}
	if len(p.Unknown) > 0 {
		parts = append(parts, strings.Join(p.Unknown, " and ")+" not known")
	}
	if p.Mode == policy.ReportOnly {
		parts = append(parts, "without effect")
	}
	return strings.Join(parts, "; ")
}
