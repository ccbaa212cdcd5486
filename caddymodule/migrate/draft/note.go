package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

// Level says what a note is about.
type Level string

// The levels.
const (
	// Todo is what an operator has to do before the Caddyfile is used.
	Todo Level = "todo"
	// Missing is what has no equivalent.
	Missing Level = "missing"
	// Differs is what behaves otherwise.
	Differs Level = "differs"
	// Unknown is a key that the program does not have, or that is not known here.
	Unknown Level = "unknown"
)

// Levels are the levels, in the order of the list.
var Levels = []Level{Todo, Missing, Unknown, Differs}

// Note is something that an operator has to know.
type Note struct {
	Level Level
	Origin
	Text string
}

// String returns the note as one line. It can stand in a comment and in a terminal.
func (n Note) String() string {
	where := ""
	if n.Key != "" {
		where = n.Key
		switch {
		case n.Line > 0 && n.File != "":
			where += fmt.Sprintf(" (%s, line %d)", n.File, n.Line)
		case n.Line > 0:
			where += fmt.Sprintf(" (line %d)", n.Line)
		}
		where += ": "
	}
	// Caddy would replace a variable in a comment as well
	return Printable(strings.ReplaceAll(fmt.Sprintf("%-9s%s%s", n.Level, where, n.Text), "{$", "{ $"))
}

// maxPrinted is how many bytes of a key are shown.
const maxPrinted = 400

// Printable returns a key as it can stand in a message.
func Printable(text string) string {
	if len(text) > maxPrinted {
		text = strings.ToValidUTF8(text[:maxPrinted], "") + " [cut]"
	}
	return terminal.Printable(strings.ToValidUTF8(text, "?"))
}

// Note adds a note.
func (p *Plan) Note(level Level, o Origin, format string, args ...any) {
	p.Notes = append(p.Notes, Note{level, o, fmt.Sprintf(format, args...)})
}

// Sort puts the notes into the order of the list, each once.
func (p *Plan) Sort() {
	seen := map[Note]bool{}
	p.Notes = slices.DeleteFunc(p.Notes, func(n Note) bool {
		again := seen[n]
		seen[n] = true
		return again
	})
	slices.SortStableFunc(p.Notes, compareNotes)
}

func compareNotes(a, b Note) int {
	rank := func(n Note) int {
		for i, l := range Levels {
			if l == n.Level {
				return i
			}
		}
		return len(Levels)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
}

// List returns the notes, one on each line.
func (p *Plan) List() string {
	var b strings.Builder
	for _, n := range p.Notes {
		b.WriteString(n.String() + "\n")
	}
	return b.String()
}
