package session

import (
	"strings"
	"unique"
)

// text holds the strings of one record in one piece of memory: a cached session has some twenty of them, and each on its
// own would take half as much again.
type text struct {
	all    strings.Builder
	groups int
}

func newText(record []byte) *text {
	t := new(text)
	size := 0
	for r := (fieldReader{data: record}); r.next(); {
		switch r.tag {
		case fieldGroup:
			t.groups++
			size += len(r.value)
		case fieldSubject, fieldProviderSession, fieldUser, fieldName, fieldEmail, fieldBrowserID, fieldFirstIP:
			size += len(r.value)
		}
	}
	t.all.Grow(size)
	return t
}

// keep returns a copy of v. What newText has not reckoned with takes a piece of its own.
func (t *text) keep(v []byte) string {
	start := t.all.Len()
	t.all.Write(v)
	return t.all.String()[start:]
}

// list returns the list of groups with room for all of them.
func (t *text) list(groups []string) []string {
	if groups == nil && t.groups > 0 {
		return make([]string, 0, t.groups)
	}
	return groups
}

// common returns a copy of v that equal values of other sessions share: providers, browsers, reasons. It is given up when
// the last of them is.
func common(v []byte) string { return unique.Make(string(v)).Value() }
