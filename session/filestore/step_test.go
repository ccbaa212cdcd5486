package filestore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// A step is one transaction, and so one sync, whatever is in it.
func TestStepIsOneTransaction(t *testing.T) {
	s, err := Open(Config{Path: filepath.Join(t.TempDir(), "sessions.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	until := time.Now().Add(time.Hour)
	in := func(member session.Key) []session.Listing {
		return []session.Listing{{Index: "i:a", Member: member, Until: until}, {Index: "a:a", Member: member, Until: until}}
	}
	if err := s.Create(t.Context(), session.Entry{Key: "p:old", Expires: until}, in("p:old")...); err != nil {
		t.Fatal(err)
	}
	before := transactions(t, s)
	done, err := s.Apply(t.Context(), session.Step{
		Take: "p:old", From: in("p:old"), Create: session.Entry{Key: "s:new", Expires: until}, In: in("s:new"),
		Read: []session.Key{"s:new"}, List: "i:a",
	})
	if err != nil || len(done.Entries) != 1 || len(done.Members) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if n := transactions(t, s) - before; n != 1 {
		t.Errorf("%d transactions, want 1", n)
	}
}
