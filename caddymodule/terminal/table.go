package terminal

import (
	"io"
	"strings"
	"unicode/utf8"
)

// columnGap is how many blanks stand between two columns at least.
const columnGap = 2

// Table prints rows in columns. A later Print goes on with the same table: columns become wider when needed and never
// narrower, because printed lines cannot change.
type Table struct {
	Out io.Writer
	// Head stands above the first row. Without one there is none.
	Head []string

	begun  bool
	widths []int
}

// Print prints rows, each cell as Printable. The last cell of a row takes the room that it needs.
func (t *Table) Print(rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if !t.begun && t.Head != nil {
		rows = append([][]string{t.Head}, rows...)
	}
	t.begun = true
	cells := make([][]string, len(rows))
	for i, row := range rows {
		cells[i] = make([]string, len(row))
		for j, cell := range row {
			cells[i][j] = Printable(cell)
		}
		t.fit(cells[i])
	}
	var text strings.Builder
	for _, row := range cells {
		text.WriteString(t.line(row))
	}
	_, err := io.WriteString(t.Out, text.String())
	return err
}

func (t *Table) fit(row []string) {
	for i := range len(row) - 1 {
		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(row[i]))
	}
}

func (t *Table) line(row []string) string {
	var line strings.Builder
	for i, cell := range row {
		line.WriteString(cell)
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell)+columnGap))
		}
	}
	return strings.TrimRight(line.String(), " ") + "\n"
}
