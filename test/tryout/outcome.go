package tryout

import (
	"errors"
	"strings"
)

// Result is the result for one program.
type Result struct {
	Name, Version string
	Missing       error // it cannot be had
	Cells         map[string]Cell
}

// Cell is the result of one check.
type Cell struct {
	Word, Note string
}

// The words of a cell.
const (
	Good       = "ok"
	NotOffered = "not offered"
	Bad        = "fault"
)

// Absent is what a program does not offer.
type Absent string

func (a Absent) Error() string { return string(a) }

// Outcome runs a check, which returns what is worth a note. An Absent error says that the program has no such thing and that
// the gateway has dealt with it as it should. The reason that is declared for what is missing takes the place of the check's own.
func (t *Trial) Outcome(do func() (note string, err error), declared string) Cell {
	var note string
	var err error
	failed := t.During(func() { note, err = do() })
	no, absent := errors.AsType[Absent](err)
	switch {
	case len(failed) > 0:
		return Cell{Bad, strings.Join(failed, "; ")}
	case absent && declared != "":
		return Cell{NotOffered, declared}
	case absent:
		return Cell{NotOffered, no.Error()}
	case err != nil:
		return Cell{Bad, err.Error()}
	}
	return Cell{Good, note}
}
