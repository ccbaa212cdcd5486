package target

import (
	"fmt"
	"math"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Figures are what a run measured.
type Figures map[*Target]rig.Estimate

// Write prints every promise beside what was measured of it. What this run did not measure names the command that does.
func (f Figures) Write(p *rig.Printer) {
	p.Printf("### What is promised\n\n| what | owed | stretch | measured | |\n| --- | --- | --- | --- | --- |\n")
	for _, t := range All {
		figure, verdict := "", ""
		switch e, measured := f[t]; {
		case measured:
			figure, verdict = t.figure(e), t.verdict(e)
		case t.Command != "":
			figure = "`" + t.Command + "`"
		default:
			figure = "not in this run"
		}
		p.Printf("| %s | %s | %s | %s | %s |\n", t.What, t.text(t.Owed), t.text(t.Stretch), figure, verdict)
	}
	p.Printf("\n")
}

// text is a figure of a target.
func (t *Target) text(value float64) string {
	if t.Unit == "" {
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf(t.Unit, value)
}

// figure is what was measured, with its error where it has one.
func (t *Target) figure(e rig.Estimate) string {
	text := "**" + t.text(e.Value) + "**"
	switch {
	case e.Err == 0:
		return text
	case math.IsInf(e.Err, 0):
		return text + ", of one life"
	case t.Unit == "":
		return text + fmt.Sprintf(" ± %.3f", e.Err)
	}
	return text + fmt.Sprintf(" ± "+count, e.Err)
}

// verdict compares it with the promise. A promise is shown to be kept or not only where the whole interval is on one side of it.
func (t *Target) verdict(e rig.Estimate) string {
	switch {
	case e.Value+e.Err <= t.Stretch:
		return "stretch"
	case e.Value+e.Err <= t.Owed:
		return "kept"
	case e.Value-e.Err > t.Owed:
		return "not kept"
	}
	return "not shown"
}
