package ratelimit

import (
	"strconv"
	"testing"
	"time"
)

const issuer = "https://idp.example.com"

// A21: as many users as there are sign in from one address. What does not prove whose it is stays counted there.
func TestUsersOfOneAddress(t *testing.T) {
	q := NewRequests(Rate{N: 3, Per: time.Minute})
	for i := range 20_000 {
		if _, ok := q.Begin(here, "callback", false, start); !ok {
			t.Fatalf("user %d is refused", i+1)
		}
		q.Proven(here, "callback", false, issuer, strconv.Itoa(i), start)
	}
	for i := range 3 {
		if _, ok := q.Begin(here, "callback", false, start); !ok {
			t.Fatalf("request %d that proves nothing is refused", i+1)
		}
	}
	if wait, ok := q.Begin(here, "callback", false, start); ok || wait != 20*time.Second {
		t.Errorf("the fourth: %v, wait %v", ok, wait)
	}
}

// A21: one user who signs in again and again is limited, at each endpoint.
func TestOneUser(t *testing.T) {
	q := NewRequests(Rate{N: 100, Per: time.Minute})
	allowed := func(endpoint string) (n int) {
		for ; n < 1000; n++ {
			if _, ok := q.Begin(here, endpoint, false, start); !ok {
				break
			}
			q.Proven(here, endpoint, false, issuer, "s-1", start)
		}
		return n
	}
	for _, endpoint := range []string{"callback", "stay"} {
		if n := allowed(endpoint); n != 105 {
			t.Errorf("%s: one user sends %d requests, want the 100 of the address and five", endpoint, n)
		}
	}
	for name, other := range map[string][2]string{"another subject": {issuer, "s-2"}, "another issuer": {"https://other.example.com", "s-1"}} {
		q := NewRequests(Rate{N: 1, Per: time.Hour})
		for range userLeast {
			q.Begin(here, "callback", false, start)
			q.Proven(here, "callback", false, issuer, "s-1", start)
		}
		q.Begin(here, "callback", false, start)
		q.Proven(here, "callback", false, other[0], other[1], start)
		if _, ok := q.Begin(here, "callback", false, start); !ok {
			t.Errorf("%s counts as the first user", name)
		}
	}
}

// An endpoint that only sends a browser on may be asked more often, and is bounded as well.
func TestStarts(t *testing.T) {
	q := NewRequests(Rate{N: 2, Per: time.Minute})
	for i := range 40 {
		if _, ok := q.Begin(here, "sign-in", true, start); !ok {
			t.Fatalf("start %d is refused", i+1)
		}
	}
	if wait, ok := q.Begin(here, "sign-in", true, start); ok || wait != 1500*time.Millisecond {
		t.Errorf("the next: %v, wait %v", ok, wait)
	}
	q.Proven(here, "sign-in", true, issuer, "s-1", start)
	if _, ok := q.Begin(here, "sign-in", true, start); !ok {
		t.Error("a start of a known user counts at the address")
	}
}

// What is given back was taken: a bucket never holds more than it may.
func TestGiveBack(t *testing.T) {
	l := New(Rate{N: 2, Per: time.Minute})
	for range 10 {
		l.GiveBack(here, "callback")
	}
	l.Allow(here, "callback", start)
	for range 10 {
		l.GiveBack(here, "callback")
	}
	n := 0
	for ; n < 10; n++ {
		if _, ok := l.Allow(here, "callback", start); !ok {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d are allowed, want 2", n)
	}
}

// Without a rate nothing is limited or counted.
func TestNoRequestLimit(t *testing.T) {
	q := NewRequests(Rate{})
	for range 100 {
		if _, ok := q.Begin(here, "", false, start); !ok {
			t.Fatal("it limits")
		}
		q.Proven(here, "", false, issuer, "s-1", start)
	}
}
