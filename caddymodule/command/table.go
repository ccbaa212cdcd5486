package command

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

// printTable prints rows in columns; the first row is the header. Text from a store or a provider cannot control the
// terminal.
func printTable(w io.Writer, rows [][]string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = explain.Printable(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	out := bufio.NewWriter(w)
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		_, _ = out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.Flush()
}
