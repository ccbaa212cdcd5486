package request

import (
	"bytes"
	"fmt"
	"html"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Measures of the chart, in its own units.
const (
	chartWidth  = 760
	labelWidth  = 290
	barWidth    = 380 // of chartScale
	rowHeight   = 30
	chartTop    = 64
	chartBottom = 40
)

// Chart draws the ratios of CPU of the first load: a bar each, a mark where the design promises one.
func (r *Result) Chart(caddy, gogc string) []byte {
	l := r.loads[0]
	ratio := func(i int) rig.Estimate { return l.lives.Ratio(i, lives.Base, lives.CPU) }
	scale := 1.25
	for i, v := range r.variants {
		scale = max(scale, ratio(i).Value+0.05)
		if v.target != nil {
			scale = max(scale, v.target.Owed+0.05)
		}
	}
	x := func(ratio float64) float64 { return labelWidth + ratio/scale*barWidth }
	height := chartTop + rowHeight*len(r.variants) + chartBottom
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">`, chartWidth, height)
	b.WriteString(`<title id="t">CPU of a request, beside plain Caddy</title><desc id="d">`)
	for i, v := range r.variants {
		fmt.Fprintf(&b, "%s: %.2f. ", html.EscapeString(v.Name), ratio(i).Value)
	}
	b.WriteString(`</desc><style>
text{font:13px system-ui,sans-serif;fill:#24292f}.s{fill:#57606a;font-size:12px}.h{font-size:16px;font-weight:600}
.p{fill:#8c959f}.b{fill:#2f6fab}.o{stroke:#b35900;stroke-width:2}.e{stroke:#24292f;stroke-width:1}.g{stroke:#d0d7de;stroke-width:1}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.p{fill:#6e7681}.b{fill:#4a90d0}.o{stroke:#e8954a}.e{stroke:#e6edf3}.g{stroke:#3d444d}}
</style>`)
	fmt.Fprintf(&b, `<text x="0" y="20" class="h">CPU of a signed-in request</text><text x="0" y="42" class="s">As a multiple of plain Caddy passing the same request on; %d connections. `, l.connections)
	b.WriteString(`Orange: at most this is promised.</text>`)
	bottom := chartTop + rowHeight*len(r.variants)
	fmt.Fprintf(&b, `<line class="g" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x(1), x(1), chartTop-6, bottom)
	for i, v := range r.variants {
		e, y, class := ratio(i), chartTop+rowHeight*i, "b"
		if v.Plain {
			class = "p"
		}
		middle := y + rowHeight/2 - 3
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-10, middle+5, html.EscapeString(v.Name))
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, labelWidth, y, x(e.Value)-labelWidth, rowHeight-8)
		end := x(e.Value)
		if !v.Plain && e.Err < scale {
			fmt.Fprintf(&b, `<line class="e" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x(e.Value-e.Err), x(e.Value+e.Err), middle, middle)
			end = x(e.Value + e.Err)
		}
		if v.target != nil {
			fmt.Fprintf(&b, `<line class="o" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x(v.target.Owed), x(v.target.Owed), y-2, y+rowHeight-6)
			end = max(end, x(v.target.Owed))
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.2f</text>`, end+8, middle+5, e.Value)
	}
	fmt.Fprintf(&b, `<text x="0" y="%d" class="s">%s. Thin lines: 95 %% intervals. Sessions: %d, one, %d where there are many.</text></svg>`,
		bottom+22, html.EscapeString("Caddy "+caddy+", GOGC="+gogc), r.options.People[Some], r.options.People[Many])
	b.WriteString("\n")
	return b.Bytes()
}
