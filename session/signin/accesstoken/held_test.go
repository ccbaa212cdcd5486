package accesstoken

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

func id(n int) (id session.ID) {
	copy(id[:], fmt.Sprint(n))
	return id
}

// Tokens in memory are bounded by number and size, and go at their end and at that of their session.
func TestHeld(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	token := func(size int, life time.Duration) *one {
		return &one{header: strings.Repeat("x", size), look: now.Add(life), ends: now.Add(life)}
	}
	h := held{most: 10, mostBytes: 1000}
	for n := range 50 {
		h.put(place{id: id(n)}, token(10, time.Hour), now)
	}
	if h.size() != 10 || h.bytes != 100 || len(h.of) != 10 {
		t.Errorf("%d tokens, %d bytes, %d sessions", h.size(), h.bytes, len(h.of))
	}
	for n := range 50 {
		h.put(place{id: id(n)}, token(300, time.Hour), now)
	}
	if h.size() != 3 || h.bytes != 900 {
		t.Errorf("%d tokens, %d bytes", h.size(), h.bytes)
	}
	if h.put(place{id: id(99)}, token(1001, time.Hour), now); h.size() != 3 {
		t.Error("a token that is larger than all may be took the place of others")
	}
	last := place{id: id(49)}
	if h.put(last, token(20, time.Hour), now); h.bytes != 620 || h.size() != 3 {
		t.Errorf("put again: %d tokens, %d bytes", h.size(), h.bytes)
	}
	h.put(place{id(49), "mail"}, token(30, time.Hour), now)
	h.drop(id(49).Key())
	if _, ok := h.last(last, now); ok || h.size() != 2 || h.bytes != 600 || len(h.of) != 2 {
		t.Errorf("after the end of a session: %d tokens, %d bytes", h.size(), h.bytes)
	}
	h.put(last, token(20, time.Minute), now)
	for at, want := range map[time.Duration]bool{0: true, time.Minute - 1: true, time.Minute: false} {
		if _, ok := h.get(last, now.Add(at)); ok != want {
			t.Errorf("after %s: %t", at, ok)
		}
		if _, ok := h.last(last, now.Add(at)); ok != want {
			t.Errorf("after %s: %t", at, ok)
		}
	}
	now = now.Add(2 * time.Hour)
	if h.put(last, token(20, time.Hour), now); h.size() != 1 || h.bytes != 20 {
		t.Errorf("what has ended stays: %d tokens, %d bytes", h.size(), h.bytes)
	}
}
