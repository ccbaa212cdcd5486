package session_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

func TestCreateAndLoad(t *testing.T) {
	w := newWorld(t)
	draft := fullDraft()
	draft.AuthTime = w.clock.Now().Add(-time.Minute)
	draft.GroupsAsOf = w.clock.Now().In(time.FixedZone("CET", 3600))
	s, token := w.create(t, draft, someTokens())
	now := w.clock.Now().Truncate(time.Millisecond)
	if s.ID != token.ID || s.Version != 1 || !s.Created.Equal(now) || !s.LastUsed.Equal(now) || s.Limit != session.DefaultLimits.Persistent {
		t.Errorf("%+v", s)
	}
	firstRecord(t, s)
	loaded, err := w.LoadRecord(t.Context(), token)
	if err != nil || !reflect.DeepEqual(loaded, s) {
		t.Errorf("created %+v\nloaded  %+v, %v", s, loaded, err)
	}
	if w.Limits() != session.DefaultLimits {
		t.Errorf("limits %v", w.Limits())
	}
}

// A13, A42, A75: each sign-in, step-up and answer is a new id and a new secret, also when it starts from a live session.
func TestEverySessionIsNew(t *testing.T) {
	w := newWorld(t)
	first, firstToken := w.create(t, fullDraft(), someTokens())
	w.clock.Advance(time.Hour)
	second, secondToken := w.create(t, *first, session.Tokens{})
	if second.ID == first.ID || secondToken.Secret == firstToken.Secret {
		t.Error("the id or the secret is the one from before")
	}
	if !second.Created.After(first.Created) || second.Version != 1 {
		t.Errorf("%+v", second)
	}
	if tokens, err := w.Tokens(second, firstToken); err != nil || tokens.Refresh != "" {
		t.Errorf("tokens of the first session in the second: %v, %v", tokens, err)
	}
	want(t, "ending the first", w.End(t.Context(), first), nil)
	_, err := w.LoadRecord(t.Context(), firstToken)
	want(t, "the first", err, session.ErrNotFound)
	_, err = w.LoadRecord(t.Context(), secondToken)
	want(t, "the second", err, nil)
}

// A30: what Create returns is its own, whatever the caller does with the draft.
func TestSessionSharesNothing(t *testing.T) {
	w := newWorld(t)
	draft := fullDraft()
	draft.UserInfo, draft.AMR, draft.Apps = []byte("{}"), []string{"pwd"}, []string{"wiki"}
	s, token := w.create(t, draft, session.Tokens{})
	draft.Claims[0], draft.UserInfo[0], draft.Groups[0], draft.AMR[0], draft.Apps[0] = '!', '!', "admins", "mfa", "admin"
	first := firstRecord(t, s)
	loaded, err := w.LoadRecord(t.Context(), token)
	if err != nil || !reflect.DeepEqual(loaded, s) {
		t.Errorf("created %+v\nloaded  %+v, %v", s, loaded, err)
	}
	first.Claims[0], first.Groups[0] = '!', "admins"
	if s.Claims[0] == '!' || s.Groups[0] == "admins" {
		t.Error("a record that was read shares memory with the one that Create returned")
	}
}

// firstRecord returns the record of a session that was just created, which was not decoded, and compares it with the one
// that is decoded.
func firstRecord(t *testing.T, s *session.Record) *session.Record {
	t.Helper()
	if !s.Session().Made() {
		t.Error("the record of a new session is not kept")
	}
	first, err := s.Session().Record()
	if err != nil || s.Session().Made() || s.Session().Ready() != nil {
		t.Errorf("the record of a new session: %v", err)
	}
	if second, err := s.Session().Record(); err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("kept %+v\nread %+v, %v", first, second, err)
	}
	return first
}

// The records that are kept for the first page are bounded.
func TestKeptRecordsAreBounded(t *testing.T) {
	w := newWorld(t)
	first, _ := w.create(t, fullDraft(), session.Tokens{})
	second, _ := w.create(t, fullDraft(), session.Tokens{})
	for range session.MaxMade - 1 {
		w.create(t, fullDraft(), session.Tokens{})
	}
	if first.Session().Made() || !second.Session().Made() {
		t.Errorf("more than %d are kept, or fewer", session.MaxMade)
	}
	if r, err := first.Session().Record(); err != nil || r.User != first.User {
		t.Errorf("%v, %v", r, err)
	}
}

// "Signed out" and "not known" are different answers: only the first may clear a cookie.
func TestLoadTellsApart(t *testing.T) {
	w := newWorld(t)
	_, token := w.create(t, fullDraft(), session.Tokens{})
	ctx := t.Context()
	shrunk := w.replica(t, session.ManagerConfig{Limits: session.Limits{Persistent: session.Limit{Idle: time.Minute}}})
	foreign := w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'x')})
	w.clock.Advance(2 * time.Minute)
	_, err := w.LoadRecord(ctx, session.NewToken())
	want(t, "unknown", err, session.ErrNotFound)
	_, err = w.LoadRecord(ctx, token)
	want(t, "live", err, nil)
	_, err = shrunk.LoadRecord(ctx, token)
	want(t, "A74: over the limits now", err, session.ErrExpired)
	_, err = foreign.LoadRecord(ctx, token)
	want(t, "another ring", err, keyring.ErrUnsealable)
	w.store.interrupt(failOn("get"))
	_, err = w.LoadRecord(ctx, token)
	want(t, "store down", err, session.ErrUnavailable)
	if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired) {
		t.Error("an outage looks like a sign-out")
	}
	w.store.interrupt(nil)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = w.LoadRecord(cancelled, token)
	want(t, "for a client that is gone", err, nil)
	want(t, "closing", w.store.Close(), nil)
	_, err = w.LoadRecord(ctx, token)
	want(t, "store closed", err, session.ErrClosed)
}

// A record that opens but is not this session's is neither signed in nor signed out.
func TestLoadRefusesAnotherRecord(t *testing.T) {
	w := newWorld(t)
	ctx, vault := t.Context(), session.Vault{Store: w.store, Keys: w.keys}
	s, _ := w.create(t, fullDraft(), session.Tokens{})
	plain, _, err := vault.Get(ctx, s.ID.Key())
	want(t, "reading", err, nil)
	other := session.NewToken()
	want(t, "writing", vault.Put(ctx, other.ID.Key(), plain, w.clock.Now().Add(time.Hour)), nil)
	_, err = w.LoadRecord(ctx, other)
	want(t, "another's record", err, session.ErrMalformed)
}

// A25, X4, X5: a session that is not used ends at its idle limit, is in no list from then on and in the store for a day
// more, and its listings end at the max end.
func TestSessionEndsByItself(t *testing.T) {
	for kind, limit := range map[session.Kind]session.Limit{
		session.Browser: session.DefaultLimits.Browser, session.Persistent: session.DefaultLimits.Persistent,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			draft := fullDraft()
			draft.Kind = kind
			s, token := w.create(t, draft, session.Tokens{})
			w.clock.Advance(s.Ends(w.Limits()).Sub(w.clock.Now()) - time.Nanosecond)
			_, err := w.LoadRecord(t.Context(), token)
			want(t, "just before the end", err, nil)
			w.clock.Advance(time.Nanosecond)
			_, err = w.LoadRecord(t.Context(), token)
			var over *session.Expired
			if !errors.As(err, &over) || !errors.Is(err, session.ErrExpired) || over.Record.Identity != ada || over.Limit != session.ByIdleLimit {
				t.Errorf("at the end: %+v, %v", over, err)
			}
			if live := w.lists(t, s); len(live) != 0 {
				t.Errorf("at the end it is in %v", live)
			}
			if !s.Ends(w.Limits()).Equal(s.Created.Add(limit.Idle)) {
				t.Errorf("ends %v", s.Ends(w.Limits()))
			}
			w.clock.Advance(session.ExpiredGrace - 1)
			_, err = w.store.Get(t.Context(), s.ID.Key())
			want(t, "in the store within the day", err, nil)
			w.clock.Advance(1)
			_, err = w.store.Get(t.Context(), s.ID.Key())
			want(t, "in the store", err, session.ErrNotFound)
			w.clock.Advance(limit.Max - limit.Idle - session.ExpiredGrace)
			for _, index := range session.Places(ada, "sid-1", s.ID) {
				if members, err := w.store.Members(t.Context(), index, time.Time{}, 10); err != nil || len(members) != 0 {
					t.Errorf("listed after its max end: %v, %v", members, err)
				}
			}
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	noise := randomBytes(session.MaxValue)
	tests := map[string]func(*session.Record, *session.Tokens){
		"no issuer":            func(s *session.Record, _ *session.Tokens) { s.Identity.Issuer = "" },
		"A65: no subject":      func(s *session.Record, _ *session.Tokens) { s.Identity.Subject = "" },
		"a kind of tomorrow":   func(s *session.Record, _ *session.Tokens) { s.Kind = 7 },
		"A47: claims":          func(s *session.Record, _ *session.Tokens) { s.Claims = noise },
		"A47: no room to grow": func(s *session.Record, _ *session.Tokens) { s.Claims = noise[:session.MaxValue-session.RecordGrowth] },
		"A47: refresh token":   func(_ *session.Record, tt *session.Tokens) { tt.Refresh = string(noise) },
		"A47: tokens that pack small": func(_ *session.Record, tt *session.Tokens) {
			tt.Refresh = strings.Repeat("a", 7*session.MaxValue)
		},
	}
	for name, change := range tests {
		w := newWorld(t)
		draft, tokens := fullDraft(), session.Tokens{}
		change(&draft, &tokens)
		s, token, err := w.Create(t.Context(), draft, tokens)
		if err == nil || s != nil || token != (session.Token{}) || len(w.store.dump()) != 0 {
			t.Errorf("%s: %v, %v, %d values written", name, s, err, len(w.store.dump()))
		}
		for _, sentinel := range []error{session.ErrNotFound, session.ErrExpired, session.ErrUnavailable} {
			if errors.Is(err, sentinel) {
				t.Errorf("%s: looks like %v", name, sentinel)
			}
		}
	}
	broken := newWorld(t).replica(t, session.ManagerConfig{Limits: session.Limits{Persistent: session.Limit{Idle: -1}}})
	if _, _, err := broken.Create(t.Context(), fullDraft(), session.Tokens{}); err == nil {
		t.Error("a limit below zero makes a session")
	}
}

// A47: the largest session that can be created can be loaded, used by as many apps as are kept, and tightened.
func TestWhatFitsStaysUsable(t *testing.T) {
	random := randomBytes(session.MaxValue)
	groups := bytes.Repeat([]byte("group "), 1000)
	parts := func(n int) (session.Record, session.Tokens) {
		draft := fullDraft()
		draft.Claims = append(bytes.Clone(random[:n/2]), groups...)
		return draft, session.Tokens{Refresh: string(random[n/2 : n])}
	}
	w := newWorld(t)
	const step = 64 // finer is no use: ids pack a little better or worse
	size := step * (sort.Search(session.MaxValue/step, func(n int) bool {
		draft, tokens := parts(n * step)
		_, _, err := w.Create(t.Context(), draft, tokens)
		return err != nil
	}) - 2)
	if size < session.MaxValue/2 {
		t.Fatalf("no more than %d bytes fit", size)
	}
	draft, tokens := parts(size)
	s, token := w.create(t, draft, tokens)
	for i := range session.MaxApps {
		m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) { t.Error(err) }})
		m.Touch(s.Session(), string(random[i*253:(i+1)*253])) // as long as the name of a host may be
		m.Close()
	}
	loaded, err := w.LoadRecord(t.Context(), token)
	if err != nil || len(loaded.Apps) != session.MaxApps || !bytes.Equal(loaded.Claims, draft.Claims) {
		t.Fatalf("loading: %v", err)
	}
	if got, err := w.Tokens(loaded, token); err != nil || got.Refresh != tokens.Refresh {
		t.Errorf("tokens: %v", err)
	}
	_, err = w.Tighten(t.Context(), loaded, "stay signed in was switched off")
	want(t, "tightening", err, nil)
}
