package session_test

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

func (w *world) endByProvider(t testing.TB, sub, sid string, at time.Time) []string {
	t.Helper()
	ended, err := w.EndByProvider(t.Context(), session.ProviderEnd{Issuer: ada.Issuer, Subject: sub, ProviderSession: sid, At: at})
	if err != nil {
		t.Fatal(err)
	}
	var shorts []string
	for _, one := range ended {
		if one.Identity.Issuer != ada.Issuer || one.Identity.Subject == "" {
			t.Errorf("ended %+v", one)
		}
		shorts = append(shorts, one.Short)
	}
	return shorts
}

// signedIn is a draft as a provider's answer makes it now.
func (w *world) signedIn(who session.Identity, sid string) session.Record {
	d := draft(who, session.Browser)
	d.ProviderSession = sid
	return d
}

// A45, back-channel rule 14: by sid the sessions of that sid end, all of them; by sub all of the person's, however many
// there are; with both the sub has to agree. No other user's session ends, and the remaining sessions can still be
// found.
func TestEndByProvider(t *testing.T) {
	for _, tt := range []struct {
		name, sub, sid string
		ends           []string
	}{
		{"by sid", "", "sid-1", []string{"one", "one again"}},
		// Field trial 2.4: a session without a sid may have come of any of the person's.
		{"by sid and sub", ada.Subject, "sid-1", []string{"one", "one again", "none"}},
		{"by an unknown sid and sub", ada.Subject, "sid-9", []string{"none"}},
		{"by sid and another's sub", grace.Subject, "sid-1", nil},
		{"by sub", ada.Subject, "", []string{"one", "one again", "two", "none"}},
		{"an unknown sid", "", "sid-9", nil},
		{"an unknown sub", "nobody", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newCachedWorld(t, cached())
			tokens, shorts := map[string]session.Token{}, []string{}
			for name, d := range map[string]session.Record{
				"one": w.signedIn(ada, "sid-1"), "one again": w.signedIn(ada, "sid-1"), "two": w.signedIn(ada, "sid-2"),
				"none": w.signedIn(ada, ""), "grace": w.signedIn(grace, "sid-3"),
			} {
				s, token := w.create(t, d, session.Tokens{})
				tokens[name] = token
				if slices.Contains(tt.ends, name) {
					shorts = append(shorts, s.ID.Short())
				}
			}
			w.clock.Advance(time.Second)
			ended := w.endByProvider(t, tt.sub, tt.sid, w.clock.Now())
			slices.Sort(ended)
			slices.Sort(shorts)
			if !slices.Equal(ended, shorts) {
				t.Errorf("ended %v, want %v", ended, shorts)
			}
			left := 0
			for name, token := range tokens {
				if slices.Contains(tt.ends, name) {
					w.loads(t, name, token, session.ErrNotFound)
					continue
				}
				left++
				w.loads(t, name, token, nil)
			}
			all, err := w.Of(t.Context(), ada)
			others, err2 := w.Of(t.Context(), grace)
			if err != nil || err2 != nil || len(all)+len(others) != left {
				t.Errorf("%d and %d listed, want %d: %v, %v", len(all), len(others), left, err, err2)
			}
			if again := w.endByProvider(t, tt.sub, tt.sid, w.clock.Now()); len(again) != 0 {
				t.Errorf("calling again ended %v", again)
			}
		})
	}
}

// Back-channel rule 18: a message by sub that comes late leaves what was begun since, and that stays listed.
func TestEndByProviderLate(t *testing.T) {
	w := newCachedWorld(t, cached())
	old, at := w.signedIn(ada, "sid-1"), w.clock.Now().Add(10*time.Second)
	_, before := w.create(t, old, session.Tokens{})
	w.clock.Advance(30 * time.Second)
	known := w.signedIn(ada, "sid-2")
	known.AuthTime = w.clock.Now()
	_, since := w.create(t, known, session.Tokens{})
	w.clock.Advance(2 * time.Minute)
	_, unknown := w.create(t, w.signedIn(ada, ""), session.Tokens{})
	if n := w.endByProvider(t, ada.Subject, "", at); len(n) != 1 {
		t.Errorf("ended %v", n)
	}
	w.loads(t, "begun before", before, session.ErrNotFound)
	w.loads(t, "authenticated since", since, nil)
	w.loads(t, "begun since, without auth_time", unknown, nil)
	if n, err := w.EndAll(t.Context(), ada); n != 2 || err != nil {
		t.Errorf("what stayed was found %d times, %v", n, err)
	}
}

// A82: what may still live is not reported as ended.
func TestEndByProviderDuringOutage(t *testing.T) {
	w := newWorld(t)
	w.create(t, w.signedIn(ada, "sid-1"), session.Tokens{})
	ending := session.ProviderEnd{Issuer: ada.Issuer, ProviderSession: "sid-1", At: w.clock.Now()}
	for _, op := range []string{"create", "members", "remove"} {
		w.store.interrupt(failOn(op))
		_, err := w.EndByProvider(t.Context(), ending)
		want(t, op, err, session.ErrUnavailable)
	}
	w.store.interrupt(nil)
	for _, bad := range []session.ProviderEnd{
		{}, {Issuer: ada.Issuer, At: w.clock.Now()}, {Issuer: ada.Issuer, Subject: ada.Subject},
	} {
		if _, err := w.EndByProvider(t.Context(), bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
