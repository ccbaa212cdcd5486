package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// here is the folder of this command's sources, where the files are that node and go are given.
func here() string { return filepath.Join(rig.Root(), "test", "providers") }

// try goes through the checks with a provider that is installed.
func try(p provider, s tryout.Settings) tryout.Result {
	out := tryout.Result{Name: p.name(), Version: p.version(), Cells: map[string]tryout.Cell{}}
	t := tryout.New(p.name(), s.Verbose)
	defer t.End()
	var at *site
	if failed := t.During(func() { at = newSite(t, p) }); at == nil || len(failed) > 0 {
		out.Missing = fmt.Errorf("does not start: %s", strings.Join(failed, "; "))
		return out
	}
	for _, c := range checks {
		if !s.Wants(c.name) {
			continue
		}
		one := t.Outcome(func() (string, error) { return c.do(at) }, p.lacks()[c.name])
		out.Cells[c.name] = one
		fmt.Printf("  %-18s %s %s\n", c.name, one.Word, one.Note)
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
