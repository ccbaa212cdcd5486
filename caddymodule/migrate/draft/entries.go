package draft

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Entries are the keys of a configuration. A key that is not read becomes a note.
type Entries struct {
	// Plan has the notes.
	Plan *Plan
	// All are the keys.
	All map[string]*Entry
	// Faults are what is wrong with the values.
	Faults []error
}

// Entry is a key with its value. Read: it was asked for, so that nothing has to be said of it.
type Entry struct {
	Origin
	Value any
	Read  bool
}

// Origin returns where a key stands, if it does, else only its name.
func (e *Entries) Origin(key string) Origin {
	if one, ok := e.All[key]; ok {
		return one.Origin
	}
	return Origin{Key: key}
}

// Has reports whether a key has a value. It does not count as reading it.
func (e *Entries) Has(key string) bool {
	one, ok := e.All[key]
	return ok && one.Value != nil && one.Value != ""
}

// Take returns the value of a key, and whether it has one. It counts as reading the key.
func (e *Entries) Take(key string) (any, bool) {
	one, ok := e.All[key]
	if !ok {
		return nil, false
	}
	one.Read = true
	return one.Value, one.Value != nil
}

// Fault notes that the value of a key is wrong. want says what it should be, without the value.
func (e *Entries) Fault(key, want string) {
	e.Faults = append(e.Faults, e.Origin(key).Errorf("%s", want))
}

// Text returns the text of a key.
func (e *Entries) Text(key string) string {
	v, ok := e.Take(key)
	if !ok {
		return ""
	}
	text, ok := scalar(v)
	if !ok {
		e.Fault(key, "want a text")
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

// MaxList is how many elements a list may have.
const MaxList = 1000

// List returns the texts of a key. One text has commas between its elements.
func (e *Entries) List(key string) (texts []string) {
	v, ok := e.Take(key)
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
				e.Fault(key, "want a list of texts")
				return nil
			}
			texts = append(texts, text)
		}
	default:
		e.Fault(key, "want a list of texts")
	}
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	texts = slices.DeleteFunc(texts, func(t string) bool { return t == "" })
	if len(texts) > MaxList {
		e.Fault(key, fmt.Sprintf("has more than %d elements", MaxList))
		return nil
	}
	return texts
}

// Flag returns the truth of a key.
func (e *Entries) Flag(key string, usual bool) bool {
	v, ok := e.Take(key)
	if !ok {
		return usual
	}
	text, _ := scalar(v)
	on, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
	if err != nil {
		e.Fault(key, "want true or false")
	}
	return on
}

// Duration returns the duration of a key, in Go's notation.
func (e *Entries) Duration(key string, usual time.Duration) time.Duration {
	text := e.Text(key)
	if text == "" {
		return usual
	}
	d, err := time.ParseDuration(text)
	if text == "0" {
		d, err = 0, nil
	}
	if err != nil || d < 0 {
		e.Fault(key, "want a duration such as 12h")
		return usual
	}
	return d
}

// Explained is what a note says about a key.
type Explained struct {
	Level Level
	Text  string
}

// Rest makes a note of each key that was not read, and returns what is wrong with those that were.
func (e *Entries) Rest(known map[string]Explained) error {
	for _, key := range slices.Sorted(maps.Keys(e.All)) {
		one := e.All[key]
		if one.Read {
			continue
		}
		if x, ok := known[key]; ok {
			e.Plan.Note(x.Level, one.Origin, "%s", x.Text)
		} else {
			e.Plan.Note(Unknown, one.Origin, "this key is not known here and is not taken over")
		}
	}
	return errors.Join(e.Faults...)
}

// Says returns what a note of this level says about a key.
func (l Level) Says(text string) Explained { return Explained{l, text} }
