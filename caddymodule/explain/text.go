package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
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
	fmt.Fprintf(&b, "%s: %s %s by %s%s, %s\n\n", Printable(ex.App), Printable(ex.Method), Printable(ex.Path),
		Printable(ex.Who), where, ex.At.Format("2006-01-02 15:04 MST"))
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-9s%s\n", label, text)
		}
	}
	line("Verdict", ex.verdict())
	line("Error", Printable(ex.Error))
	line("Unknown", strings.Join(ex.Unknown, ", "))
	line("Asks for", ex.Demand.text())
	line("Holds", ex.Controls.text())
	line("Prompt", ex.Prompt.text())
	line("Idle", ex.idle())
	ex.table(&b, appliedOnly)
	_, err := io.WriteString(w, b.String())
	return err
}

func (ex *Explanation) verdict() string {
	text := fmt.Sprintf("%s, %s", ex.Verdict, ex.Reason)
	if len(ex.By) > 0 {
		text += " by " + Printable(strings.Join(ex.By, ", "))
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
		asks = append(asks, "acr "+Printable(acr))
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
			holds = append(holds, fmt.Sprintf("%s %s (%s)", word, cmp.Or(value, "as it is"), Printable(strings.Join(by, ", "))))
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
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	rows := 0
	for i := range ex.Policies {
		p := &ex.Policies[i]
		if appliedOnly && p.Applies == appliesNot {
			continue
		}
		if rows++; rows == 1 {
			fmt.Fprintf(tw, "\nPOLICY\tMODE\t\tRESULT\tWHY\n")
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", Printable(p.Policy), p.Mode, p.Applies, p.Result, p.why())
	}
	_ = tw.Flush() // writes to memory, cannot fail
	if hidden := len(ex.Policies) - rows; hidden > 0 {
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
		parts = append(parts, "cannot be evaluated: "+Printable(p.Error))
	case len(p.Missing) > 0 && p.Missing[0] == "block":
		parts = append(parts, "blocks")
	case len(p.Missing) > 0:
		parts = append(parts, "not satisfied: "+strings.Join(p.Missing, ", "))
	default:
		parts = append(parts, Printable(strings.Join(append(p.Grants, p.Sessions...), ", ")))
	}
	if len(p.Unknown) > 0 {
		parts = append(parts, strings.Join(p.Unknown, " and ")+" not known")
	}
	if p.Mode == policy.ReportOnly {
		parts = append(parts, "without effect")
	}
	return strings.Join(parts, "; ")
}

// Printable replaces control characters, so that a name from a configuration or a log cannot control the terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
