package claim

import (
	"encoding/json"
	"testing"
)

// Field trial 1.13: a time is read as a number and as text.
func TestTime(t *testing.T) {
	for raw, want := range map[string]int64{
		"1700000000": 1700000000, `"1700000000"`: 1700000000, "1.7e9": 1700000000, `" 1700000000.5 "`: 1700000000,
		"0": 0, "-1": 0, `"soon"`: 0, "null": 0, "": 0, "[1700000000]": 0, "1e300": 0, `"NaN"`: 0, `"Inf"`: 0, "true": 0,
	} {
		at, ok := Time(json.RawMessage(raw))
		if ok != (want != 0) || ok && at.Unix() != want {
			t.Errorf("%s: %v, %t", raw, at, ok)
		}
	}
}

func FuzzGet(f *testing.F) {
	f.Add(`{"a":[{"b":["x",{"c":1}]}]}`, "a[*].b[*].c")
	f.Add(`{"a":{"b":1}}`, "a[keys]")
	f.Fuzz(func(t *testing.T, raw, path string) {
		m, err := Parse([]byte(raw))
		if err != nil || m == nil || CheckPath(path) != nil || len(path) > 64 {
			return
		}
		c := Set{m}
		if v, ok := c.Get(path); ok && !json.Valid(v) {
			t.Fatalf("%s at %s: %s", raw, path, v)
		}
		if _, state := c.Bool(path); state > Known {
			t.Fatal(state)
		}
	})
}
