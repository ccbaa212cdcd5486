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

// Form is a form that a user has sent to a page after their session had ended. It is kept during the sign-in, so that
// the user can send it again.
type Form struct {
	// Person is the user, in the caller's terms. No other user gets the form, even in the same browser.
	Person session.Key
	// Path is the page to which it was sent, with the query.
	Path string
	// ContentType and Body are unchanged.
	ContentType string
	Body        []byte
	// At is when it was sent.
	At time.Time
}

// MaxForm is the largest body of a kept form, in bytes: with all other data about it, it must fit into a value of a
// store.
const MaxForm = 64_000

const (
	formPerson = iota + 1
	formPath
	formContentType
	formBody
	formAt
)

// KeepForm keeps a form until a time. It is sealed with the key ring and the secret of the token, which only the
// browser has: neither the store nor the keys alone can read it. It replaces an earlier form with the same token ID, so
// that a user has at most as many forms as sessions.
func (k *Keeper) KeepForm(ctx context.Context, token session.Token, f Form, until time.Time) error {
	var w pack.FieldWriter
	w.Str(formPerson, string(f.Person))
	w.Str(formPath, f.Path)
	w.Str(formContentType, f.ContentType)
	w.Bytes(formBody, f.Body)
	w.Time(formAt, f.At)
	key := formKey(token)
	packed, err := pack.ShortLived(w.Out)
	if err != nil {
		return fmt.Errorf("keeping form: %w", err)
	}
	sealed, err := k.vault.Keys.SealWithSecret(token.Secret[:], packed, string(key))
	if err != nil {
		return fmt.Errorf("keeping form: %w", err)
	}
	e := session.Entry{Key: key, Value: sealed, Expires: until}
	err = k.vault.Store.Create(ctx, e)
	if errors.Is(err, session.ErrConflict) {
		if _, err = k.vault.Store.Remove(ctx, key); err == nil || errors.Is(err, session.ErrNotFound) {
			err = k.vault.Store.Create(ctx, e)
		}
	}
	if err != nil {
		return fmt.Errorf("keeping form: %w", err)
	}
	return nil
}

// Form returns a kept form. It returns ErrNotFound if there is none, and keyring.ErrUnsealable if it belongs to another
// token.
func (k *Keeper) Form(ctx context.Context, token session.Token) (Form, error) {
	e, err := k.vault.Store.Get(ctx, formKey(token))
	if err != nil {
		return Form{}, err
	}
	return k.openForm(token, e.Value)
}

// TakeForm is Form for a caller that then sends or drops it: exactly one of several callers gets it, so it is sent
// once.
func (k *Keeper) TakeForm(ctx context.Context, token session.Token) (Form, error) {
	e, err := k.vault.Store.Remove(ctx, formKey(token))
	if err != nil {
		return Form{}, err
	}
	return k.openForm(token, e.Value)
}

func (k *Keeper) openForm(token session.Token, sealed []byte) (f Form, err error) {
	packed, err := k.vault.Keys.OpenWithSecret(token.Secret[:], sealed, string(formKey(token)))
	if err != nil {
		return f, err
	}
	plain, err := pack.Unpack(packed)
	if err != nil {
		return f, err
	}
	r := pack.FieldReader{Data: plain}
	for r.Next() {
		switch r.Tag {
		case formPerson:
			f.Person = session.Key(r.Value)
		case formPath:
			f.Path = string(r.Value)
		case formContentType:
			f.ContentType = string(r.Value)
		case formBody:
			f.Body = bytes.Clone(r.Value)
		case formAt:
			r.Time(&f.At)
		}
	}
	return f, r.Err
}

func formKey(token session.Token) session.Key { return session.HashKey("f", string(token.ID[:])) }
