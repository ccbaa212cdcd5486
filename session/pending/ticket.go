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

// Ticket hands a session over to another host in the same browser: the caller that redeems it gets the session's token,
// once, within ticketLife.
type Ticket struct {
	// Session is the token of the session that is handed over.
	Session session.Token
	// Note is data of the caller, kept with the ticket and not read.
	Note []byte
}

// ticketLife is how long a ticket is valid: enough for one slow redirect of the browser.
const ticketLife = time.Minute

// IssueTicket writes a ticket and returns the token that opens it. The content is sealed with the secret of that token,
// so that the store and the key ring together do not reveal the session's secret.
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

// RedeemTicket ends a ticket and returns its content. Exactly one of several calls gets it, the others get ErrNotFound;
// ErrExpired if it is too old.
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
