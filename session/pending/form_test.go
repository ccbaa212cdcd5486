package pending_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

func TestForm(t *testing.T) {
	w := newWorld(t)
	ctx, until := t.Context(), w.clock.Now().Add(time.Hour)
	token := session.NewToken()
	form := pending.Form{
		Person: "u:ada", Path: "/notes?id=7", ContentType: "text/plain", Body: bytes.Repeat([]byte("what Ada wrote "), 500),
		At: w.clock.Now().UTC().Truncate(time.Millisecond),
	}
	_, err := w.Form(ctx, token)
	want(t, "before", err, session.ErrNotFound)
	want(t, "keeping", w.KeepForm(ctx, token, form, until), nil)
	for range 2 {
		if got, err := w.replica(pending.Config{}).Form(ctx, token); err != nil || !reflect.DeepEqual(got, form) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	for _, key := range w.memory.Keys() {
		e, err := w.memory.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(e.Value, []byte("Ada wrote")) || strings.Contains(string(key), "notes") {
			t.Error("readable in the store")
		}
	}
	// Who has the store, the keys and the id, but not the browser's secret, reads nothing.
	_, err = w.Form(ctx, session.Token{ID: token.ID})
	want(t, "without the secret", err, keyring.ErrUnsealable)

	second := form
	second.Body = []byte("again")
	want(t, "keeping another", w.KeepForm(ctx, token, second, until), nil)
	if got, err := w.TakeForm(ctx, token); err != nil || string(got.Body) != "again" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = w.TakeForm(ctx, token)
	want(t, "a second time", err, session.ErrNotFound)

	want(t, "keeping", w.KeepForm(ctx, token, form, until), nil)
	w.clock.Advance(2 * time.Hour)
	_, err = w.Form(ctx, token)
	want(t, "later", err, session.ErrNotFound)
}

// A47: the largest form fits, whatever is in it; a larger one is refused and nothing is written.
func TestFormSize(t *testing.T) {
	w := newWorld(t)
	form := pending.Form{Person: session.HashKey("u", "x"), Path: "/" + strings.Repeat("p", 2047), ContentType: strings.Repeat("c", 255), At: w.clock.Now()}
	for size, fits := range map[int]bool{pending.MaxForm: true, session.MaxValue: false} {
		form.Body = randomBytes(size)
		token := session.NewToken()
		err := w.KeepForm(t.Context(), token, form, w.clock.Now().Add(time.Hour))
		if (err == nil) != fits || errors.Is(err, session.ErrUnavailable) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if got, err := w.Form(t.Context(), token); (err == nil && bytes.Equal(got.Body, form.Body)) != fits {
			t.Errorf("%d bytes: %d, %v", size, len(got.Body), err)
		}
	}
}
