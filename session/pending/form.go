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

// Form is what somebody has sent to a page whose session was over by then: it is kept through the sign-in, for them to
// send again.
type Form struct {
	// Person is whose it is, in the caller's own terms. It is for nobody else, whoever sits at the browser later.
	Person session.Key
	// Path is the page that it was sent to, with the query.
	Path string
	// ContentType and Body are as they came.
	ContentType string
	Body        []byte
	// At is when it was sent.
	At time.Time
}

// MaxForm is how large the body of a form may be to be kept, in bytes: with all else about it, it has to fit into
// a value of a store.
const MaxForm = 64_000

const (
	formPerson = iota + 1
	formPath
	formContentType
	formBody
	formAt
)

// KeepForm keeps a form until a time, sealed under the key ring and the secret of the token, which the browser alone has:
// neither who has the store nor who has the keys can read it. One of the same token's id that was kept before is
// replaced, so that nobody keeps more forms than they had sessions.
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

// Form returns a form that is kept. ErrNotFound if there is none, keyring.ErrUnsealable if it is not this token's.
func (k *Keeper) Form(ctx context.Context, token session.Token) (Form, error) {
	e, err := k.vault.Store.Get(ctx, formKey(token))
	if err != nil {
		return Form{}, err
	}
	return k.openForm(token, e.Value)
}

// TakeForm is Form for who then sends it or drops it: of several callers one gets it, so that it is sent once.
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
