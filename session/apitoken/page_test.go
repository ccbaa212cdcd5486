package apitoken_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// All pages together have every token once, however long they are, and where a visit stops the next page goes on.
func TestPage(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 7 {
		who := w.signIn(session.Identity{Issuer: ada.Issuer, Subject: strconv.Itoa(i % 3)})
		made, _ := w.create(who, laptop)
		want = append(want, made.Short())
	}
	made, _, err := w.a.CreateService(t.Context(), "backup", []string{"robots"}, laptop)
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, made.Short())
	slices.Sort(want)
	for limit := 1; limit <= 9; limit++ {
		for stop := 1; stop <= 9; stop++ {
			var got []string
			for after, calls := "", 0; calls == 0 || after != ""; calls++ {
				if calls > 20 {
					t.Fatalf("limit %d, stop %d: it does not end", limit, stop)
				}
				seen := 0
				after, _, err = w.a.Page(t.Context(), after, limit, func(o *apitoken.Owned) bool {
					if seen++; seen > stop {
						return false
					}
					got = append(got, o.Short())
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("limit %d, stop %d: %v, want %v", limit, stop, got, want)
			}
		}
	}
	for _, cursor := range []string{"x", ".", "-1.", "1024.", "01.", "1", "9999999999999999999."} {
		if _, _, err := w.a.Page(t.Context(), cursor, 1, func(*apitoken.Owned) bool { return true }); !errors.Is(err, apitoken.ErrCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// A token for a user is made from a session, else from what is kept for other tokens; not for a user whose tokens were ended
// since, nor for an unknown one.
func TestCreateFor(t *testing.T) {
	w := newWorld(t)
	create := func(what string, want error) session.ID {
		t.Helper()
		_, text, err := w.a.CreateFor(t.Context(), ada, laptop)
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v, want %v", what, err, want)
		}
		id, _ := apitoken.ID(text)
		return id
	}
	create("unknown", session.ErrNotFound)
	w.signIn(ada, "staff")
	if who := w.is("from a session", w.b, create("from a session", nil), nil); who == nil || who.User != "ada" || len(who.Groups) != 1 {
		t.Errorf("it says %+v", who)
	}
	if _, err := w.a.Sessions.EndAll(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	if who := w.is("from a token", w.b, create("from a token", nil), nil); who == nil || who.User != "ada" {
		t.Errorf("it says %+v", who)
	}
	w.clock.Advance(time.Minute)
	if ended, err := w.a.EndWithUser(t.Context(), ada); err != nil || len(ended) != 2 || ended[0].Who.User != "ada" {
		t.Fatalf("ended %v, %v", ended, err)
	}
	w.clock.Advance(time.Minute)
	create("after their end", session.ErrNotFound)
	w.signIn(ada)
	w.is("after a new sign-in", w.b, create("after a new sign-in", nil), nil)
}

func TestParseEnd(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "90d": "2027-02-28T09:00:00Z", "2027-01-31": "2027-01-31T00:00:00Z", "2027-01-31T12:00:00+01:00": "2027-01-31T11:00:00Z",
		"d": "", "-1d": "", "1.5d": "", "70000d": "", "90": "", "12h": "", "soon": "", "2027-02-30": "",
	} {
		end, err := apitoken.ParseEnd(text, now)
		if want == "" && !errors.Is(err, apitoken.ErrEnd) || want != "" && (err != nil || end.UTC().Format(time.RFC3339) != want) {
			t.Errorf("%q: %v, %v, want %q", text, end, err, want)
		}
	}
}
