package identity

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Field trial 1.25, 1.27: what is left out and what is too long for most servers is told in the log, once a minute each.
func TestWriterTells(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	now := time.Unix(1_800_000_000, 0)
	w := &Writer{App: "wiki", Encoding: Latin1, Logger: zap.New(core), Now: func() time.Time { return now }}
	told := func(header string) int { return logs.FilterField(zap.String("header", header)).Len() }

	for range 3 {
		if got := w.Text("Remote-Name", "ada", "日本"); got != "" {
			t.Errorf("wrote %q", got)
		}
	}
	if told("Remote-Name") != 1 {
		t.Errorf("told %d times", told("Remote-Name"))
	}
	name := "Remote-Groups"
	fits := strings.Repeat("a", usualLimit-len(name)-len(": "))
	if w.List(name, "ada", []string{fits}) != fits || told(name) != 0 {
		t.Errorf("told %d times of a header that fits", told(name))
	}
	for range 3 {
		if got := w.List(name, "ada", []string{fits + "a"}); got != fits+"a" {
			t.Errorf("%d bytes", len(got))
		}
	}
	if told(name) != 1 {
		t.Errorf("told %d times of a header that is too long", told(name))
	}
	now = now.Add(time.Minute)
	w.Text("Remote-Name", "ada", "日本")
	w.List(name, "ada", []string{fits + "a"})
	if told("Remote-Name") != 2 || told(name) != 2 {
		t.Errorf("after a minute: %d, %d", told("Remote-Name"), told(name))
	}
	for _, entry := range logs.All() {
		if entry.ContextMap()["app"] != "wiki" || entry.ContextMap()["user"] != "ada" {
			t.Errorf("%s: %v", entry.Message, entry.ContextMap())
		}
	}
}
