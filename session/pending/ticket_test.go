package pending_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A ticket hands over a session's token once, within a minute, and only to the caller that has the ticket (A13, A42).
func TestTicket(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, token := w.create(t, fullDraft(), someTokens())
	issue := func() session.Token {
		ticket, err := w.IssueTicket(ctx, pending.Ticket{Session: token, Note: []byte("for wiki")})
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	ticket := issue()
	if ticket.ID == token.ID || ticket.Secret == token.Secret {
		t.Error("the ticket is the session's token")
	}
	_, err := w.sessions.Load(ctx, ticket)
	want(t, "a ticket as a session", err, session.ErrNotFound)
	got, err := w.RedeemTicket(ctx, ticket)
	if err != nil || got.Session != token || string(got.Note) != "for wiki" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = w.RedeemTicket(ctx, ticket)
	want(t, "redeemed twice", err, session.ErrNotFound)
	_, err = w.RedeemTicket(ctx, token)
	want(t, "a session as a ticket", err, session.ErrNotFound)

	other := issue()
	other.Secret[0]++
	_, err = w.RedeemTicket(ctx, other)
	want(t, "with another secret", err, keyring.ErrUnsealable)

	late := issue()
	w.clock.Advance(time.Minute)
	if _, err = w.RedeemTicket(ctx, late); !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrExpired) {
		t.Errorf("after a minute: %v", err)
	}
	if s, err := w.sessions.Load(ctx, token); err != nil || s.Issuer() != ada.Issuer {
		t.Errorf("the session itself: %v", err)
	}
}

// A13: a ticket ends after a minute by the clock of the gateway, although the store, whose clock is behind, still has it.
func TestTicketEndsWhileTheStoreHasIt(t *testing.T) {
	w := newWorld(t)
	behind := storetest.NewClock()
	k := pending.New(pending.Config{Store: storetest.NewMemory(behind.Now), Keys: w.keys, Now: w.clock.Now})
	for after, wanted := range map[time.Duration]error{time.Minute - time.Millisecond: nil, time.Minute: session.ErrExpired} {
		ticket, err := k.IssueTicket(t.Context(), pending.Ticket{Session: session.NewToken()})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(after)
		_, err = k.RedeemTicket(t.Context(), ticket)
		want(t, after.String(), err, wanted)
		w.clock.Advance(-after)
	}
}

// Of many who redeem a ticket at once one gets it.
func TestTicketOnce(t *testing.T) {
	w := newWorld(t)
	_, token := w.create(t, fullDraft(), someTokens())
	ticket, err := w.IssueTicket(t.Context(), pending.Ticket{Session: token})
	if err != nil {
		t.Fatal(err)
	}
	var got atomic.Int32
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := w.RedeemTicket(t.Context(), ticket); err == nil {
				got.Add(1)
			}
		})
	}
	group.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got it", got.Load())
	}
}

// The stored form of a ticket does not reveal the session's secret, even with the key ring.
func TestTicketAtRest(t *testing.T) {
	w := newWorld(t)
	_, token := w.create(t, fullDraft(), someTokens())
	ticket, err := w.IssueTicket(t.Context(), pending.Ticket{Session: token, Note: []byte("note")})
	if err != nil {
		t.Fatal(err)
	}
	key := session.HashKey("t", string(ticket.ID[:]))
	e, err := w.store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if until := e.Expires.Sub(w.clock.Now()); until > time.Minute {
		t.Errorf("it stays for %v", until)
	}
	plain, _, err := session.Vault{Store: w.store, Keys: w.keys}.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plain, token.Secret[:]) || bytes.Contains(plain, token.ID[:]) {
		t.Error("who has the key ring reads the session's token")
	}
}
