package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// result is the result for one provider.
type result struct {
	provider, version string
	missing           error // it cannot be had
	cells             map[string]cell
}

// cell is the result of one check.
type cell struct {
	word, note string
}

const (
	good       = "ok"
	notOffered = "not offered"
	bad        = "fault"
)

// try goes through the checks with a provider that is installed.
func try(p provider, s settings) result {
	out := result{provider: p.name(), version: p.version(), cells: map[string]cell{}}
	t := &trial{label: p.name(), verbose: s.verbose}
	defer t.end()
	var at *site
	if failed := t.during(func() { at = newSite(t, p) }); at == nil || len(failed) > 0 {
		out.missing = fmt.Errorf("does not start: %s", strings.Join(failed, "; "))
		return out
	}
	for _, c := range checks {
		if s.checks != "" && !slices.Contains(strings.Split(s.checks, ","), c.name) {
			continue
		}
		one := at.outcome(c)
		out.cells[c.name] = one
		fmt.Printf("  %-18s %s %s\n", c.name, one.word, one.note)
	}
	return out
}

// outcome runs a check. The reason that the provider declares for what it lacks takes the place of the check's own.
func (s *site) outcome(c check) cell {
	var note string
	var err error
	failed := s.t.during(func() { note, err = c.do(s) })
	var no absent
	switch {
	case len(failed) > 0:
		return cell{bad, strings.Join(failed, "; ")}
	case errors.As(err, &no):
		if lack := s.p.lacks()[c.name]; lack != "" {
			return cell{notOffered, lack}
		}
		return cell{notOffered, no.Error()}
	case err != nil:
		return cell{bad, err.Error()}
	}
	return cell{good, note}
}
