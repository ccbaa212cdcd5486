package migrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entries are the keys of a configuration. A key that is not read becomes a note.
type entries struct {
	plan   *Plan
	all    map[string]*entry
	faults []error
}

type entry struct {
	Origin
	value any
	read  bool
}

// origin returns where a key stands, if it does, else only its name.
func (e *entries) origin(key string) Origin {
	if one, ok := e.all[key]; ok {
		return one.Origin
	}
	return Origin{Key: key}
}

// has reports whether a key has a value. It does not count as reading it.
func (e *entries) has(key string) bool {
	one, ok := e.all[key]
	return ok && one.value != nil && one.value != ""
}

func (e *entries) take(key string) (any, bool) {
	one, ok := e.all[key]
	if !ok {
		return nil, false
	}
	one.read = true
	return one.value, one.value != nil
}

func (e *entries) fault(key, want string) {
	e.faults = append(e.faults, e.origin(key).errorf("%s", want))
}

// text returns the text of a key.
func (e *entries) text(key string) string {
	v, ok := e.take(key)
	if !ok {
		return ""
	}
	text, ok := scalar(v)
	if !ok {
		e.fault(key, "want a text")
	}
	return strings.TrimSpace(text)
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// maxList is how many elements a list may have.
const maxList = 1000

// list returns the texts of a key. One text has commas between its elements.
func (e *entries) list(key string) (texts []string) {
	v, ok := e.take(key)
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case string:
		texts = strings.Split(v, ",")
	case []any:
		for _, element := range v {
			text, ok := scalar(element)
			if !ok {
				e.fault(key, "want a list of texts")
				return nil
			}
			texts = append(texts, text)
		}
	default:
		e.fault(key, "want a list of texts")
	}
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	texts = slices.DeleteFunc(texts, func(t string) bool { return t == "" })
	if len(texts) > maxList {
		e.fault(key, fmt.Sprintf("has more than %d elements", maxList))
		return nil
	}
	return texts
}

// flag returns the truth of a key.
func (e *entries) flag(key string, usual bool) bool {
	v, ok := e.take(key)
	if !ok {
		return usual
	}
	text, _ := scalar(v)
	on, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
	if err != nil {
		e.fault(key, "want true or false")
	}
	return on
}

// duration returns the duration of a key, in Go's notation.
func (e *entries) duration(key string, usual time.Duration) time.Duration {
	text := e.text(key)
	if text == "" {
		return usual
	}
	d, err := time.ParseDuration(text)
	if text == "0" {
		d, err = 0, nil
	}
	if err != nil || d < 0 {
		e.fault(key, "want a duration such as 12h")
		return usual
	}
	return d
}

// explained is what a note says about a key.
type explained struct {
	level Level
	text  string
}

// rest makes a note of each key that was not read, and returns what is wrong with those that were.
func (e *entries) rest(known map[string]explained) error {
	for _, key := range slices.Sorted(maps.Keys(e.all)) {
		one := e.all[key]
		if one.read {
			continue
		}
		if x, ok := known[key]; ok {
			e.plan.note(x.level, one.Origin, "%s", x.text)
		} else {
			e.plan.note(Unknown, one.Origin, "this key is not known here and is not taken over")
		}
	}
	return errors.Join(e.faults...)
}
