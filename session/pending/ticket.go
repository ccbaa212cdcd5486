package pending

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// Ticket hands a session over to another host of the browser that holds it: whoever redeems it gets the session's token,
// once, within ticketLife.
type Ticket struct {
	// Session is the token of the session that is handed over.
	Session session.Token
	// Note is the caller's own, kept with the ticket and never looked into.
	Note []byte
}

// ticketLife is how long a ticket is good for: the time that a browser takes for one redirect, on a bad day.
const ticketLife = time.Minute

// IssueTicket writes a ticket and returns what opens it. What it hands over is sealed under the secret of that, so that
// the store and the key ring together show no session's secret.
func (k *Keeper) IssueTicket(ctx context.Context, t Ticket) (session.Token, error) {
	ticket := session.NewToken()
	key := ticketKey(ticket.ID)
	plain := append(t.Session.ID[:len(t.Session.ID):len(t.Session.ID)], t.Session.Secret[:]...)
	sealed, err := k.vault.Keys.SealWithSecret(ticket.Secret[:], plain, string(key))
	if err != nil {
		return session.Token{}, fmt.Errorf("sealing ticket: %w", err)
	}
	deadline := k.now().Add(ticketLife)
	var w pack.FieldWriter
	w.Bytes(1, sealed)
	w.Bytes(2, t.Note)
	w.Time(3, deadline)
	if err := k.vault.Put(ctx, key, w.Out, deadline); err != nil {
		return session.Token{}, fmt.Errorf("writing ticket: %w", err)
	}
	return ticket, nil
}

// RedeemTicket ends a ticket and returns what it hands over. Of all who redeem it exactly one gets it, the others
// ErrNotFound; ErrExpired if it is too old.
func (k *Keeper) RedeemTicket(ctx context.Context, ticket session.Token) (Ticket, error) {
	key := ticketKey(ticket.ID)
	plain, err := k.vault.Take(ctx, key)
	if err != nil {
		return Ticket{}, err
	}
	var t Ticket
	var sealed []byte
	var deadline time.Time
	r := pack.FieldReader{Data: plain}
	for r.Next() {
		switch r.Tag {
		case 1:
			sealed = r.Value
		case 2:
			t.Note = bytes.Clone(r.Value)
		case 3:
			r.Time(&deadline)
		}
	}
	if r.Err != nil {
		return Ticket{}, r.Err
	}
	if !k.now().Before(deadline) {
		return Ticket{}, session.ErrExpired
	}
	held, err := k.vault.Keys.OpenWithSecret(ticket.Secret[:], sealed, string(key))
	if err != nil {
		return Ticket{}, err
	}
	if len(held) != len(t.Session.ID)+len(t.Session.Secret) {
		return Ticket{}, errors.New("a ticket for no session")
	}
	n := copy(t.Session.ID[:], held)
	copy(t.Session.Secret[:], held[n:])
	return t, nil
}

func ticketKey(id session.ID) session.Key { return session.HashKey("t", string(id[:])) }
