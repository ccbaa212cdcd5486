package claim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// reducedMark is the name that marks a reduced object. No claim in a configuration begins with a NUL.
const reducedMark = "\x00"

// empty is a reduced object in which nothing is kept.
const empty = `{"\u0000":null}`

// Reduction is what Reduce makes of an object.
type Reduction struct {
	// Kept is a JSON object of at most the limit: each path that is wanted and found, as a name, with its value. Get finds a
	// name that is a whole path first, so a path leads to the same value as before.
	Kept []byte
	// TooLarge are the paths that are wanted, and whose value does not fit. They lead to null, so that no shorter path
	// and no other source answers for them.
	TooLarge []string
	// Dropped are the names in the object that no wanted path begins with, the largest value first.
	Dropped []string
}

// Reduce takes out of an object what some paths lead to. The smallest values go first, so that one large value costs no
// other one its place; of values of one size the path that sorts first. The result depends on nothing else.
func Reduce(m map[string]json.RawMessage, paths []string, limit int) Reduction {
	type entry struct {
		path, name string // the path, and as a name in JSON
		value      []byte
	}
	var found, absent []entry
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		name, err := json.Marshal(path)
		if err != nil || path == "" || !utf8.ValidString(path) { // which leads nowhere
			continue
		}
		e := entry{path: path, name: string(name), value: null}
		value, ok := Set{m}.Get(path)
		if !ok {
			absent = append(absent, e)
			continue
		}
		var small bytes.Buffer
		if json.Compact(&small, value) == nil {
			e.value = small.Bytes()
		}
		found = append(found, e)
	}
	slices.SortStableFunc(found, func(a, b entry) int { return cmp.Compare(len(a.value), len(b.value)) })

	var r Reduction
	size := len(empty)
	for _, e := range found {
		size += len(`,:`) + len(e.name) + min(len(e.value), len(null))
	}
	for i, e := range found {
		more := len(e.value) - min(len(e.value), len(null))
		if more > 0 && size+more > limit {
			found[i].value = null
			r.TooLarge = append(r.TooLarge, e.path)
			continue
		}
		size += more
	}
	kept := map[string]json.RawMessage{reducedMark: null}
	write := func(entries []entry) {
		for _, e := range entries {
			kept[e.path] = e.value
		}
	}
	write(found)
	// A path that led nowhere must not lead to what a shorter path was kept for.
	write(slices.DeleteFunc(absent, func(e entry) bool { _, ok := Set{kept}.Get(e.path); return !ok }))
	if r.Kept = object(kept); len(r.Kept) > limit { // the names alone
		r.Kept = []byte(empty)
		r.TooLarge = nil
		for _, e := range found {
			r.TooLarge = append(r.TooLarge, e.path)
		}
	}
	r.Dropped = unwanted(m, paths)
	return r
}

var null = json.RawMessage("null")

// object writes an object without the escapes of json.Marshal, which make six bytes of each angle bracket.
func object(m map[string]json.RawMessage) []byte {
	out := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			out = append(out, ',')
		}
		key, _ := json.Marshal(name) // a string always marshals
		out = append(append(append(out, key...), ':'), m[name]...)
	}
	return append(out, '}')
}

func unwanted(m map[string]json.RawMessage, paths []string) []string {
	var names []string
	for name := range m {
		wanted := slices.ContainsFunc(paths, func(path string) bool {
			rest, begins := strings.CutPrefix(path, name)
			return begins && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
		if !wanted && name != reducedMark {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(m[b]), len(m[a])), strings.Compare(a, b))
	})
	return names
}

// Lacks reports whether an object is one of Reduce in which a path is missing because its value did not fit.
func Lacks(m map[string]json.RawMessage, path string) bool {
	_, reduced := m[reducedMark]
	value, ok := m[path]
	return reduced && ok && isNull(value)
}
