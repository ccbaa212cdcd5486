package main

import "testing"

// TestGuardsAreFound: each guard of the list stands once in the product, so that `make mutate` can break it.
func TestGuardsAreFound(t *testing.T) {
	m := &module{root: "../.."}
	if err := m.readFiles(); err != nil {
		t.Fatal(err)
	}
	for _, g := range guards {
		if _, err := m.find(g.text); err != nil {
			t.Errorf("%s: %v", g.rule, err)
		}
	}
}
