package rig

import "testing"

func TestCallsSince(t *testing.T) {
	before := Calls{"get": 2, "set": 1}
	after := Calls{"get": 5, "set": 2, "getrange": 4, "xadd": 1, "zcard": 0}
	if reads, writes := after.Since(before); reads != 7 || writes != 2 {
		t.Errorf("%d reads and %d writes, want 7 and 2", reads, writes)
	}
	if got, want := after.List(before), "get 3, getrange 4, set 1, xadd 1"; got != want {
		t.Errorf("called: %q, want %q", got, want)
	}
}
