package session

import (
	"strings"
	"unique"
)

// text holds what one record says in three pieces of memory: one for its strings, one for its longer parts, one for its
// lists. A cached session has some thirty of these; each on its own would take half as much again, and every collection
// of garbage would have to look at it.
type text struct {
	strings strings.Builder
	parts   []byte
}

// newText makes room for what a record says, and for the lists of s.
func newText(record []byte, s *Session) *text {
	t := new(text)
	lists := [...]struct {
		tag  uint64
		of   *[]string
		size int
	}{{tag: fieldGroup, of: &s.Groups}, {tag: fieldAMR, of: &s.AMR}, {tag: fieldApp, of: &s.Apps}, {tag: fieldContext, of: &s.Contexts}}
	size, parts, entries := 0, 0, 0
	for r := (fieldReader{data: record}); r.next(); {
		switch r.tag {
		case fieldClaims, fieldUserInfo, fieldTokens:
			parts += len(r.value)
		case fieldGroup, fieldSubject, fieldProviderSession, fieldUser, fieldName, fieldEmail, fieldBrowserID, fieldFirstIP:
			size += len(r.value)
		}
		for i := range lists {
			if lists[i].tag == r.tag {
				lists[i].size++
				entries++
			}
		}
	}
	t.strings.Grow(size)
	t.parts = make([]byte, 0, parts)
	all := make([]string, entries)
	for _, list := range lists {
		if list.size > 0 { // else it stays nil
			*list.of, all = all[:0:list.size], all[list.size:]
		}
	}
	return t
}

// keep returns a copy of v. What newText has not reckoned with takes a piece of its own.
func (t *text) keep(v []byte) string {
	start := t.strings.Len()
	t.strings.Write(v)
	return t.strings.String()[start:]
}

// part is keep for what stays bytes. Nothing can be appended to it in place.
func (t *text) part(v []byte) []byte {
	start := len(t.parts)
	t.parts = append(t.parts, v...)
	return t.parts[start:len(t.parts):len(t.parts)]
}

// common returns a copy of v that equal values of other sessions share: providers, browsers, reasons. It is given up when
// the last of them is.
func common(v []byte) string { return unique.Make(string(v)).Value() }
