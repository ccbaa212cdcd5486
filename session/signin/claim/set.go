package claim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Set contains the claims of one user from several sources: the ID token, then userinfo. The first source that has a
// claim counts. Names are compared exactly: Go's decoding into structs would accept "SUB" for "sub".
type Set []map[string]json.RawMessage

// The characters that may follow a claim's name in a path.
const (
	each = "[*]"
	keys = "[keys]"
)

// CheckPath refuses a path that Get cannot parse.
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

// Get returns a claim by its path from the first source that has it. A dot selects a field of an object, `[*]` each
// element of a list, `[keys]` the field names of an object; the last two give a list. A claim whose name equals the
// whole path, including dots, has priority.
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

// unreadable replaces a value that has another form than its path requires: no reader accepts it.
var unreadable = json.RawMessage(`{}`)

// follow applies the rest of a path, which begins with a dot or a bracket, to a value.
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

// gather returns the list of the values of the rest of a path for each element. A value that is not a list counts as a
// list with one element. An element to which the path does not apply stays unchanged: the list is then unclear and not
// shorter.
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
