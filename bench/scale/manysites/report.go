package manysites

import (
	"io"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// rows are the figures, each as a ratio to plain Caddy's. owed and stretch are those of Latchkey; 0 is none.
var rows = []struct {
	what          string
	unit          string
	of            func(m *measured) float64
	owed, stretch float64
}{
	{"loading it as JSON, CPU", "ms", func(m *measured) float64 { return rig.Median(m.json) }, 1.5, 1.2},
	{"loading it as a Caddyfile, CPU, adapting included", "ms", func(m *measured) float64 { return rig.Median(m.adapted) }, 1.5, 1.2},
	{"memory, first load", "MB", func(m *measured) float64 { return megabytes(m.first.resident) }, 1.3, 1.15},
	{"memory, after all reloads of JSON", "MB", func(m *measured) float64 { return megabytes(m.last.resident) }, 1.6, 1.3},
	{"heap in use, first load", "MB", func(m *measured) float64 { return megabytes(m.first.heap) }, 0, 0},
	{"heap in use, after all reloads of JSON", "MB", func(m *measured) float64 { return megabytes(m.last.heap) }, 0, 0},
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// report writes the table.
func report(size Size, seen []measured, out io.Writer) error {
	p := &rig.Printer{W: out}
	p.Printf("## A configuration of %d sites with %d policies for all of them, loaded %d times\n\n", size.Sites, size.Policies, size.Reloads)
	p.Printf("| what | %s | %s | %s | ratio to the first | owed | stretch |\n|---|---|---|---|---|---|---|\n", names[plain], names[idle], names[guarded])
	for i := range rows {
		row := &rows[i]
		first, more, ours := row.of(&seen[plain]), row.of(&seen[idle]), row.of(&seen[guarded])
		p.Printf("| %s | %.0f %s | %.0f %s | %.0f %s | %.2f |", row.what, first, row.unit, more, row.unit, ours, row.unit, ours/first)
		if row.owed > 0 {
			p.Printf(" %.2f | %.2f |\n", row.owed, row.stretch)
		} else {
			p.Printf(" | |\n")
		}
	}
	p.Printf("\n")
	return p.Err
}
