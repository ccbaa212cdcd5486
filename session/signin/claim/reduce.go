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

// empty is a reduced object without any claims.
const empty = `{"\u0000":null}`

// Reduction is the result of Reduce.
type Reduction struct {
	// Kept is a JSON object of at most the limit. It maps each wanted path that was found, as a name, to its value. Get
	// first looks for a name that equals the whole path, so a path has the same value as before.
	Kept []byte
	// TooLarge are the wanted paths whose values do not fit. They are null in Kept, so that no shorter path and no
	// other source supplies them.
	TooLarge []string
	// Dropped are the names in the object with which no wanted path begins, the largest value first.
	Dropped []string
}

// Reduce extracts the values of some paths from an object. It takes the smallest values first, so that one large value
// does not displace others; for equal sizes the path that sorts first. The result depends on nothing else.
func Reduce(m map[string]json.RawMessage, paths []string, limit int) Reduction {
	type entry struct {
		path, name string // the path, and as a name in JSON
		value      []byte
	}
	var found, absent []entry
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		name, err := json.Marshal(path)
		if err != nil || path == "" || !utf8.ValidString(path) { // which matches nothing
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
	// A path without a value must not get one from a shorter path that is kept.
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

// object encodes an object without the escapes of json.Marshal, which need six bytes for each angle bracket.
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

// Lacks reports whether an object is a result of Reduce in which a path is missing because its value did not fit.
func Lacks(m map[string]json.RawMessage, path string) bool {
	_, reduced := m[reducedMark]
	value, ok := m[path]
	return reduced && ok && isNull(value)
}
