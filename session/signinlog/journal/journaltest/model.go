package journaltest

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// testModel reads a stream from both ends, in pages of any size, while it grows. A reader that pages back sees what was
// there when they began, each entry once and nothing younger; a reader that follows sees everything, once and in order.
func testModel(t *testing.T, s Subject) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := model{s: s, stream: fmt.Sprintf("run%d", run)}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				more := numbered(len(m.all), rapid.IntRange(1, 30).Draw(t, "values"))
				s.append(t, m.stream, more...)
				m.all = append(m.all, more...)
			case 1:
				m.begin(t, rapid.IntRange(1, 20).Draw(t, "page"))
			case 2:
				m.back(t, rapid.IntRange(1, 20).Draw(t, "page"))
			case 3:
				m.follow(t, rapid.IntRange(1, 20).Draw(t, "page"))
			}
		}
		for len(m.older) > 0 {
			m.back(t, 7)
		}
		for len(m.seen) < len(m.all) {
			m.follow(t, 7)
		}
		m.follow(t, 7)
	})
}

type model struct {
	s      Subject
	stream string
	all    []string
	// older is what a reader that pages back has yet to see, behind at.
	older []string
	at    journal.Position
	// seen is what a reader that follows has seen, up to upTo.
	seen []string
	upTo journal.Position
}

// begin starts paging at the newest entry.
func (m *model) begin(t *rapid.T, page int) {
	m.older, m.at = slices.Clone(m.all), journal.Position{}
	if len(m.older) > 0 {
		m.back(t, page)
	}
}

func (m *model) back(t *rapid.T, page int) {
	if len(m.older) == 0 {
		return
	}
	got := m.s.before(t, m.stream, m.at, page)
	rest := len(m.older) - min(page, len(m.older))
	want := slices.Clone(m.older[rest:])
	slices.Reverse(want)
	if !slices.Equal(values(got), want) {
		t.Fatalf("a page of %d is %q, want %q", page, values(got), want)
	}
	m.older, m.at = m.older[:rest], got[len(got)-1].Position
}

func (m *model) follow(t *rapid.T, page int) {
	got := m.s.after(t, m.stream, m.upTo, page)
	want := m.all[len(m.seen):min(len(m.seen)+page, len(m.all))]
	if !slices.Equal(values(got), want) {
		t.Fatalf("the next %d are %q, want %q", page, values(got), want)
	}
	if len(got) > 0 {
		m.seen, m.upTo = append(m.seen, values(got)...), got[len(got)-1].Position
	}
}
