package apitoken_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// fedMemory is a store that tells its replicas of writes.
type fedMemory struct {
	*storetest.Memory
	session.LocalFeed
}

// world is a store with a clock, as two replicas see it.
type world struct {
	t     *testing.T
	clock *storetest.Clock
	store *fedMemory
	ring  *keyring.Ring
	a, b  *apitoken.Keeper
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := storetest.NewClock()
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: clock, store: &fedMemory{Memory: storetest.NewMemory(clock.Now)}, ring: ring}
	w.a, w.b = w.replica(), w.replica()
	return w
}

func (w *world) replica() *apitoken.Keeper {
	m := session.NewManager(session.ManagerConfig{Store: w.store, Keys: w.ring, Now: w.clock.Now, Recheck: 5 * time.Second, OutageGrace: time.Minute})
	w.t.Cleanup(m.Close)
	return apitoken.New(apitoken.Config{Vault: session.Vault{Store: w.store, Keys: w.ring}, Sessions: m, Now: w.clock.Now})
}

var ada = session.Identity{Issuer: "https://login.example.com", Subject: "s-ada"}

// signIn makes a session of a user at replica a.
func (w *world) signIn(who session.Identity, groups ...string) *session.Record {
	w.t.Helper()
	s, _, err := w.a.Sessions.Create(w.t.Context(), session.Record{
		Kind: session.Persistent, Provider: "main", Identity: who, User: "ada", Groups: groups, GroupsComplete: true, GroupsAsOf: w.clock.Now(),
		AuthTime: w.clock.Now(), KnownAs: []string{"mail:ada@example.com"}, Claims: []byte(`{"department":"R&D"}`),
	}, session.Tokens{})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) create(who *session.Record, d apitoken.Draft) (*apitoken.Token, session.ID) {
	w.t.Helper()
	t, text, err := w.a.Create(w.t.Context(), who, d)
	if err != nil {
		w.t.Fatal(err)
	}
	id, ok := apitoken.ID(text)
	if !ok || t.Short() != id.Short() {
		w.t.Fatalf("%q has the ID %s, the token %s", text, id.Short(), t.Short())
	}
	return t, id
}

// is checks what a replica finds.
func (w *world) is(what string, k *apitoken.Keeper, id session.ID, want error) *session.Record {
	w.t.Helper()
	_, who, err := k.Find(w.t.Context(), id, "git")
	if !errors.Is(err, want) || want == nil && err != nil {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
	return who
}

var laptop = apitoken.Draft{Name: "laptop", App: "git"}

// A token says what its user's sessions say, is for one app, and ends.
func TestToken(t *testing.T) {
	w := newWorld(t)
	_, id := w.create(w.signIn(ada, "staff"), laptop)
	who := w.is("the other replica", w.b, id, nil)
	if who == nil || who.User != "ada" || len(who.Groups) != 1 || who.Identity != ada || who.Provider != "main" || string(who.Claims) != `{"department":"R&D"}` ||
		!who.Created.Equal(w.clock.Now().Truncate(time.Millisecond)) || who.ID != id || who.Compliant != "" {
		t.Errorf("it says %+v", who)
	}
	if live, err := who.Unstored(); err != nil || live.ID.Short() != id.Short() {
		t.Errorf("as a session: %v", err)
	}
	if _, _, err := w.b.Find(t.Context(), id, "wiki"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("at another app: %v", err)
	}
	if _, _, err := w.b.Find(t.Context(), session.ID{1}, "git"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("another token: %v", err)
	}
	w.clock.Advance(apitoken.DefaultLife - time.Second)
	w.signIn(ada)
	w.is("at its last second", w.b, id, nil)
	w.clock.Advance(time.Second)
	if _, _, err := w.b.Find(t.Context(), id, "git"); !errors.Is(err, session.ErrExpired) && !errors.Is(err, session.ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
}

// What cannot be a token is not made.
func TestTokenNotMade(t *testing.T) {
	w := newWorld(t)
	who := w.signIn(ada)
	for what, row := range map[string]struct {
		d    apitoken.Draft
		want error
	}{
		"without a name":      {apitoken.Draft{App: "git"}, apitoken.ErrName},
		"a long name":         {apitoken.Draft{Name: strings.Repeat("n", apitoken.MaxName+1), App: "git"}, apitoken.ErrName},
		"a name of two lines": {apitoken.Draft{Name: "a\nb", App: "git"}, apitoken.ErrName},
		"one that turns text": {apitoken.Draft{Name: "a\u202eb", App: "git"}, apitoken.ErrName},
		"over at once":        {apitoken.Draft{Name: "n", App: "git", Expires: w.clock.Now()}, apitoken.ErrLife},
		"for ever":            {apitoken.Draft{Name: "n", App: "git", Expires: w.clock.Now().Add(apitoken.MaxLife + time.Second)}, apitoken.ErrLife},
	} {
		if _, _, err := w.a.Create(t.Context(), who, row.d); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, row := range map[string]struct {
		name   string
		groups []string
		want   error
	}{
		"without a name":   {"", nil, apitoken.ErrService},
		"an address":       {"a@b", nil, apitoken.ErrService},
		"upper case":       {"Backup", nil, apitoken.ErrService},
		"a nameless group": {"backup", []string{""}, apitoken.ErrGroups},
		"many groups":      {"backup", strings.Split(strings.Repeat("g ", apitoken.MaxGroups)+"g", " "), apitoken.ErrGroups},
	} {
		if _, _, err := w.a.CreateService(t.Context(), row.name, row.groups, laptop); !errors.Is(err, row.want) {
			t.Errorf("service, %s: %v", what, err)
		}
	}
	for range apitoken.MaxTokens {
		w.create(who, laptop)
	}
	if _, _, err := w.a.Create(t.Context(), who, laptop); !errors.Is(err, apitoken.ErrMany) {
		t.Errorf("one more: %v", err)
	}
	other := w.signIn(session.Identity{Issuer: ada.Issuer, Subject: "s-bob"})
	w.create(other, laptop)
}

// A revoked token is over on every replica, and only its user finds it (A23).
func TestTokenRevoked(t *testing.T) {
	w := newWorld(t)
	who := w.signIn(ada)
	bob := session.Identity{Issuer: ada.Issuer, Subject: "s-bob"}
	first, id := w.create(who, laptop)
	_, second := w.create(who, apitoken.Draft{Name: "desktop", App: "git"})
	if own, err := w.b.Own(t.Context(), ada); err != nil || len(own) != 2 || !own[0].Mine(ada) || own[0].Mine(bob) {
		t.Errorf("the list: %v %v", own, err)
	}
	if own, err := w.b.Own(t.Context(), bob); err != nil || len(own) != 0 {
		t.Errorf("another user's list: %v %v", own, err)
	}
	if _, err := w.b.RevokeOwn(t.Context(), bob, first.Short()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("another user: %v", err)
	}
	w.is("another user has tried", w.a, id, nil)
	storetest.Until(t, "both replicas listen", func() bool { return w.a.Stamp() > 0 && w.b.Stamp() > 0 })
	stamp := w.a.Stamp()
	if !w.a.Fresh(stamp, w.clock.Now()) {
		t.Error("what was just read is not fresh")
	}
	if _, err := w.b.RevokeOwn(t.Context(), ada, first.Short()); err != nil {
		t.Fatal(err)
	}
	storetest.Until(t, "the other replica hears it", func() bool { return !w.a.Fresh(stamp, w.clock.Now()) && !w.a.Spared(stamp, w.clock.Now()) })
	w.is("revoked", w.a, id, session.ErrNotFound)
	w.is("the other one", w.a, second, nil)
	if _, err := w.b.RevokeOwn(t.Context(), ada, first.Short()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	if n := len(w.all()); n != 1 {
		t.Errorf("%d tokens are listed", n)
	}
	if _, err := w.a.Named(t.Context(), first.Short()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("by its name: %v", err)
	}
	if named, err := w.a.Named(t.Context(), second.Short()); err != nil || named.Name != "desktop" || named.Who.User != "ada" {
		t.Errorf("by its name: %v %v", named, err)
	}
	if _, err := w.a.EndWithUser(t.Context(), ada); err != nil || len(w.all()) != 0 {
		t.Errorf("all: %v", err)
	}
}

func (w *world) all() (all []*apitoken.Owned) {
	w.t.Helper()
	for after, calls := "", 0; ; calls++ {
		next, bad, err := w.b.Page(w.t.Context(), after, 2, func(o *apitoken.Owned) bool {
			all = append(all, o)
			return true
		})
		if err != nil || bad != 0 || calls > 100 {
			w.t.Fatalf("listing: %v, %d unreadable", err, bad)
		}
		if after = next; after == "" {
			return all
		}
	}
}

// A token ends with its user: whatever ends all sessions that began before a time ends it, and so does what is reported of
// the user, for as long as the token lives. A later one is not affected.
func TestTokenEndsWithItsUser(t *testing.T) {
	for what, end := range map[string]func(*world) error{
		"all": func(w *world) error { return w.a.Sessions.RevokeBefore(w.t.Context(), session.Scope{}, time.Time{}) },
		"a provider": func(w *world) error {
			return w.a.Sessions.RevokeBefore(w.t.Context(), session.Scope{Provider: "main"}, time.Time{})
		},
		"a user": func(w *world) error {
			return w.a.Sessions.RevokeBefore(w.t.Context(), session.Scope{Person: ada}, time.Time{})
		},
		"their tokens": func(w *world) error { return w.a.Sessions.EndTokens(w.t.Context(), ada) },
		"by name": func(w *world) error {
			return w.a.Sessions.EndTokensNamed(w.t.Context(), ada.Issuer, "mail:ada@example.com")
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			who := w.signIn(ada)
			_, id := w.create(who, laptop)
			w.clock.Advance(time.Minute)
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			w.is("ended", w.a, id, session.ErrRevoked)
			storetest.Until(t, "on the other replica", func() bool {
				_, _, err := w.b.Find(t.Context(), id, "git")
				return errors.Is(err, session.ErrRevoked)
			})
			w.clock.Advance(time.Second)
			_, later := w.create(w.signIn(ada), laptop)
			w.is("a later one", w.b, later, nil)
			w.clock.Advance(60 * 24 * time.Hour)
			w.signIn(ada)
			w.is("two months later", w.b, id, session.ErrRevoked)
			w.is("a later one, then", w.b, later, nil)
			if own, err := w.b.Own(t.Context(), ada); err != nil || len(own) != 1 {
				t.Errorf("the list: %v %v", own, err)
			}
			if n := len(w.all()); n != 1 {
				t.Errorf("%d tokens are listed", n)
			}
			w.is("listed", w.b, id, session.ErrNotFound) // which has removed it
		})
	}
}

// The sessions of a user can end, and tokens go on: signing out ends none.
func TestTokenOutlivesSessions(t *testing.T) {
	w := newWorld(t)
	_, id := w.create(w.signIn(ada), laptop)
	if n, err := w.a.Sessions.EndAll(t.Context(), ada); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	w.is("signed out everywhere", w.b, id, nil)
}

// What is known of a user follows their newest session. After a day without one it is not known any more.
func TestTokenKnowsItsUser(t *testing.T) {
	w := newWorld(t)
	_, id := w.create(w.signIn(ada, "staff"), laptop)
	w.clock.Advance(time.Hour)
	w.signIn(ada, "staff", "admins")
	if who := w.is("with newer groups", w.b, id, nil); who != nil && len(who.Groups) != 2 {
		t.Errorf("groups %v", who.Groups)
	}
	if who := w.is("at a replica that does not look", w.a, id, nil); who != nil && len(who.Groups) != 2 {
		t.Errorf("groups %v", who.Groups)
	}
	if _, err := w.a.Sessions.EndAll(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(24*time.Hour - time.Second)
	w.is("after almost a day", w.b, id, nil)
	w.clock.Advance(time.Second)
	w.is("after a day", w.b, id, apitoken.ErrStale)
	w.clock.Advance(time.Minute)
	w.signIn(ada)
	if who := w.is("after another sign-in", w.b, id, nil); who != nil && len(who.Groups) != 0 {
		t.Errorf("groups %v", who.Groups)
	}
}

// What is reported of a user counts for their tokens for as long as these live.
func TestTokenAndReports(t *testing.T) {
	w := newWorld(t)
	_, id := w.create(w.signIn(ada), laptop)
	w.clock.Advance(time.Minute)
	storetest.Until(t, "the other replica listens", func() bool { return w.b.Stamp() > 0 })
	stamp := w.b.Stamp()
	said := session.Signalled{Reauthenticate: w.clock.Now()}
	if _, err := w.a.Sessions.Signal(t.Context(), ada, said, nil); err != nil {
		t.Fatal(err)
	}
	storetest.Until(t, "the other replica hears it", func() bool { return !w.b.Fresh(stamp, w.clock.Now()) })
	stamp = w.b.Stamp()
	if err := w.a.Sessions.SignalNamed(t.Context(), ada.Issuer, "mail:ada@example.com", said); err != nil {
		t.Fatal(err)
	}
	storetest.Until(t, "the other replica hears of a name", func() bool { return !w.b.Fresh(stamp, w.clock.Now()) })
	if who := w.is("reported", w.b, id, nil); who != nil && !who.Renounced() {
		t.Error("the credential counts as unchanged")
	}
	w.clock.Advance(30 * 24 * time.Hour)
	w.signIn(session.Identity{Issuer: ada.Issuer, Subject: "s-bob"})
	w.is("a month later", w.b, id, apitoken.ErrStale)
	w.clock.Advance(time.Minute)
	w.signIn(ada)
	if who := w.is("after a sign-in with the new credential", w.b, id, nil); who != nil && who.Renounced() {
		t.Error("the new credential does not count")
	}
}

// A service has a name that no user gets, and its own groups; it depends on no user.
func TestServiceToken(t *testing.T) {
	w := newWorld(t)
	made, text, err := w.a.CreateService(t.Context(), "backup", []string{"robots"}, laptop)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := apitoken.ID(text)
	w.clock.Advance(60 * 24 * time.Hour)
	who := w.is("after two months", w.b, id, nil)
	if who == nil || who.AppUser(false) != "service:backup" || len(who.Groups) != 1 || !who.GroupsComplete || who.Provider != "" || !who.AuthTime.IsZero() {
		t.Errorf("it says %+v", who)
	}
	if _, err := who.Unstored(); err != nil {
		t.Error(err)
	}
	if all := w.all(); len(all) != 1 || all[0].Service != "backup" || all[0].Short() != made.Short() || all[0].Who.User != "service:backup" {
		t.Errorf("listed: %v", all)
	}
	user := session.Record{Provider: "main", Identity: session.Identity{Issuer: "i", Subject: "Service:backup"}, User: "SERVICE:backup"}
	names, claimed := user.Called(true)
	if user.AppUser(true) != "" || len(names) != 0 || len(claimed) != 1 || user.SubjectName() != "" {
		t.Errorf("a user of that name: %q %v %v", user.AppUser(true), names, claimed)
	}
	if err := w.a.Revoke(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	w.is("revoked", w.b, id, session.ErrNotFound)
}

// The last use is written once an hour.
func TestTokenLastUsed(t *testing.T) {
	w := newWorld(t)
	_, id := w.create(w.signIn(ada), laptop)
	use := func(from string) *apitoken.Token {
		got, _, err := w.a.Find(t.Context(), id, "git")
		if err != nil {
			t.Fatal(err)
		}
		w.a.Used(t.Context(), got, from)
		own, err := w.b.Own(t.Context(), ada)
		if err != nil || len(own) != 1 {
			t.Fatal(own, err)
		}
		return own[0]
	}
	first := w.clock.Now().Truncate(time.Millisecond)
	if got := use("192.0.2.1"); !got.LastUsed.Equal(first) || got.LastIP != "192.0.2.1" {
		t.Errorf("used %v from %s", got.LastUsed, got.LastIP)
	}
	w.clock.Advance(59 * time.Minute)
	if got := use("192.0.2.2"); !got.LastUsed.Equal(first) {
		t.Errorf("within an hour: used %v", got.LastUsed)
	}
	w.clock.Advance(time.Minute)
	if got := use("192.0.2.3"); got.LastIP != "192.0.2.3" {
		t.Errorf("after an hour: from %s", got.LastIP)
	}
}
