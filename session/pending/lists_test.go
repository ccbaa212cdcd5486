package pending

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// holdEarlier keeps a pending sign-in as an earlier version did.
func holdEarlier(t *testing.T, k *Keeper, who session.Identity, deadline time.Time) session.Token {
	t.Helper()
	token := session.NewToken()
	key := pendingKey(token.ID)
	draft, err := k.vault.SealDraft(session.Record{Identity: who, Kind: session.Browser}, session.Tokens{Refresh: "r"}, token.Secret, key)
	if err != nil {
		t.Fatal(err)
	}
	c := content{SignIn: SignIn{Draft: draft.Record(), Deadline: deadline}, draft: draft, earlier: true}
	gone := deadline.Add(pendingGrace)
	value, err := k.vault.Entry(key, c.encode(), gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.vault.Store.Create(t.Context(), value, session.Listing{Index: earlierIndex(key), Member: key, Until: gone}, session.Listing{Index: earlierOf(who), Member: key, Until: gone}); err != nil {
		t.Fatal(err)
	}
	return token
}

// A78: what a gateway of an earlier version has kept is answered, counted and collected, and leaves its lists.
func TestPendingOfEarlierVersion(t *testing.T) {
	clock := storetest.NewClock()
	store := storetest.NewMemory(clock.Now)
	k := New(Config{Store: store, Keys: keyringtest.Ring(t, 'k'), Now: clock.Now, Max: 2})
	who := session.Identity{Issuer: "https://login.example.com", Subject: "ada"}
	answered := holdEarlier(t, k, who, clock.Now().Add(time.Minute))
	abandoned := holdEarlier(t, k, who, clock.Now().Add(time.Minute))
	if _, err := k.Hold(t.Context(), SignIn{Draft: session.Record{Identity: who}, Deadline: clock.Now().Add(time.Minute)}, session.Tokens{}); !errors.Is(err, ErrFull) {
		t.Errorf("a third of two: %v", err)
	}
	a, err := k.Answer(t.Context(), answered)
	if err != nil || a.Tokens.Refresh != "r" {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := store.Apply(t.Context(), session.Step{Take: a.Session.Take, From: a.Session.From}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if list, err := k.Abandoned(t.Context(), 10); err != nil || len(list) != 1 || list[0].Draft.Identity != who {
		t.Errorf("collected %+v, %v", list, err)
	}
	for _, token := range []session.Token{answered, abandoned} {
		key := pendingKey(token.ID)
		for _, index := range []session.Key{earlierIndex(key), earlierOf(who)} {
			if members, err := store.Members(t.Context(), index, time.Time{}, 10); err != nil || len(members) != 0 {
				t.Errorf("%s still lists %v, %v", index, members, err)
			}
		}
	}
}

// A gateway of an earlier version that answers takes the entry and leaves the listing. The search removes it.
func TestListingOfNothing(t *testing.T) {
	clock := storetest.NewClock()
	store := storetest.NewMemory(clock.Now)
	k := New(Config{Store: store, Keys: keyringtest.Ring(t, 'k'), Now: clock.Now})
	who := session.Identity{Issuer: "https://login.example.com", Subject: "ada"}
	held, err := k.Hold(t.Context(), SignIn{Draft: session.Record{Identity: who, Kind: session.Browser}, Deadline: clock.Now().Add(time.Minute)}, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	list := waitingOf(who)
	if _, err := store.Remove(t.Context(), pendingKey(held.Token.ID)); err != nil {
		t.Fatal(err)
	}
	if err := store.Enlist(t.Context(), list.index, "foreign", clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if found, err := k.Abandoned(t.Context(), 10); err != nil || len(found) != 0 {
		t.Errorf("collected %+v, %v", found, err)
	}
	if members, err := store.Members(t.Context(), list.index, time.Time{}, 10); err != nil || len(members) != 0 {
		t.Errorf("still listed: %v, %v", members, err)
	}
}

// far is a store that each list takes a while to read from. The lists that gone begins with cannot be read.
type far struct {
	session.Store
	away time.Duration
	gone string
}

func (f far) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	select {
	case <-time.After(f.away):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.gone != "" && strings.HasPrefix(string(index), f.gone) {
		return nil, session.ErrUnavailable
	}
	return f.Store.Members(ctx, index, before, limit)
}

// The lists are read a few at a time: a store that is far away, or busy, refuses no sign-in and hides no abandoned one.
func TestPendingFarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory(time.Now)
		k := New(Config{Store: far{Store: store, away: 100 * time.Millisecond}, Keys: keyringtest.Ring(t, 'k')})
		for _, sub := range []string{"ada", "grace", "barbara", "hedy"} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if _, err := k.Hold(ctx, SignIn{Draft: session.Record{Identity: session.Identity{Issuer: "i", Subject: sub}}, Deadline: time.Now().Add(time.Minute)}, session.Tokens{}); err != nil {
				t.Errorf("%s: %v", sub, err)
			}
		}
		<-time.After(2 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if found, err := k.Abandoned(ctx, 25); err != nil || len(found) != 4 {
			t.Errorf("%d abandoned ones are found, %v", len(found), err)
		}
	})
}

// One list that cannot be read, of a node of a cluster that is away, does not hide what the others have.
func TestAbandonedBesideAnUnreadList(t *testing.T) {
	clock := storetest.NewClock()
	store := storetest.NewMemory(clock.Now)
	keys := keyringtest.Ring(t, 'k')
	k := New(Config{Store: store, Keys: keys, Now: clock.Now})
	who := session.Identity{Issuer: "https://login.example.com", Subject: "ada"}
	if _, err := k.Hold(t.Context(), SignIn{Draft: session.Record{Identity: who}, Deadline: clock.Now().Add(time.Minute)}, session.Tokens{}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	first := string(parts()[0].index)
	if string(waitingOf(who).index) == first {
		t.Fatal("the sign-in is in the list that cannot be read")
	}
	k = New(Config{Store: far{Store: store, gone: first}, Keys: keys, Now: clock.Now})
	if found, err := k.Abandoned(t.Context(), 25); len(found) != 1 || !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("%d abandoned ones are found, %v", len(found), err)
	}
}
