package claim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Set is the claims of one person, from several sources: the ID token, then userinfo. The first source that has a claim
// counts. Names are compared exactly: Go's decoding into structs would take "SUB" for "sub".
type Set []map[string]json.RawMessage

// Parse reads a JSON object.
func Parse(raw []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	err := json.Unmarshal(raw, &m)
	return m, err
}

// What may follow the name of a claim in a path.
const (
	each = "[*]"
	keys = "[keys]"
)

// CheckPath refuses a path that Get does not understand.
func CheckPath(path string) error {
	if strings.TrimSpace(path) == "" {
		return fmt.Errorf("the claim is empty")
	}
	for rest := path; ; {
		i := strings.IndexAny(rest, "[]")
		if i < 0 {
			return nil
		}
		tail, all := strings.CutPrefix(rest[i:], each)
		if !all {
			tail, _ = strings.CutPrefix(rest[i:], keys)
		}
		switch {
		case len(tail) == len(rest[i:]):
			return fmt.Errorf("claim %q: write %s for each element of a list, as in roles%[2]s.name, or %s for the names in an object", path, each, keys)
		case i == 0:
			return fmt.Errorf("claim %q: the name before %s is missing", path, rest[:len(rest)-len(tail)])
		case tail == "":
			return nil
		case !all:
			return fmt.Errorf("claim %q: nothing can follow %s", path, keys)
		case !strings.HasPrefix(tail, ".") || len(tail) == 1:
			return fmt.Errorf("claim %q: %s is followed by a dot and a name, or by nothing", path, each)
		}
		rest = tail[1:]
	}
}

// Get finds a claim by its path in the first source that has it. A dot leads into an object, `[*]` to each element of a
// list, `[keys]` to the names in an object; the last two give a list. A claim whose name is the whole path, dots
// included, goes before that.
func (c Set) Get(path string) (json.RawMessage, bool) {
	if path == "" {
		return nil, false
	}
	for _, m := range c {
		if v, ok := find(m, path); ok {
			return v, true
		}
	}
	return nil, false
}

func find(m map[string]json.RawMessage, path string) (json.RawMessage, bool) {
	if v, ok := m[path]; ok {
		return v, true
	}
	for i := range len(path) {
		if path[i] != '.' && path[i] != '[' {
			continue
		}
		inner, ok := m[path[:i]]
		if !ok {
			continue
		}
		if v, ok := follow(inner, path[i:]); ok {
			return v, true
		}
	}
	return nil, false
}

// unreadable stands for what has another form than its path says: no reader takes it for a value.
var unreadable = json.RawMessage(`{}`)

// follow goes on from a value with the rest of a path, which begins with a dot or a bracket.
func follow(v json.RawMessage, rest string) (json.RawMessage, bool) {
	if name, ok := strings.CutPrefix(rest, "."); ok {
		m, err := Parse(v)
		if err != nil || m == nil {
			return nil, false
		}
		return find(m, name)
	}
	if rest == keys {
		m, err := Parse(v)
		if err != nil || m == nil {
			return unreadable, true
		}
		list, err := json.Marshal(slices.Sorted(maps.Keys(m)))
		return list, err == nil
	}
	tail, ok := strings.CutPrefix(rest, each)
	if !ok {
		return nil, false
	}
	return gather(v, tail), true
}

// gather is the list of what the rest of a path leads to from each element. A value that is no list is a list of one. An
// element that the path does not lead on from stays as it is: the list is then unclear and not short.
func gather(v json.RawMessage, rest string) json.RawMessage {
	var elements []json.RawMessage
	if json.Unmarshal(v, &elements) != nil {
		elements = []json.RawMessage{v}
	}
	out := make([]json.RawMessage, 0, len(elements))
	for _, e := range elements {
		found := e
		if rest != "" && !isNull(e) {
			if next, ok := follow(e, rest); ok {
				found = next
			} else {
				found = unreadable
			}
		}
		var inner []json.RawMessage
		if json.Unmarshal(found, &inner) == nil && !isNull(found) {
			out = append(out, inner...)
		} else {
			out = append(out, found)
		}
	}
	list, err := json.Marshal(out)
	if err != nil {
		return unreadable
	}
	return list
}

func isNull(v json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(v), []byte("null")) }
