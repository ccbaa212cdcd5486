package main

import (
	"fmt"
	"strings"

	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// try goes through the checks with an app that is installed.
func try(a app, s tryout.Settings) tryout.Result {
	out := tryout.Result{Name: a.name(), Version: a.version(), Cells: map[string]tryout.Cell{}}
	t := tryout.New(a.name(), s.Verbose)
	defer t.End()
	var at *site
	if failed := t.During(func() { at = newSite(t, a) }); at == nil || len(failed) > 0 {
		out.Missing = fmt.Errorf("does not start: %s", strings.Join(failed, "; "))
		return out
	}
	for _, c := range checks {
		if !s.Wants(c.name) {
			continue
		}
		one := t.Outcome(func() (string, error) { return c.do(at) }, "")
		out.Cells[c.name] = one
		fmt.Printf("  %-24s %s %s\n", c.name, one.Word, one.Note)
	}
	return out
}

// names are the rows of the table.
func names() (all []string) {
	for _, c := range checks {
		all = append(all, c.name)
	}
	return all
}
