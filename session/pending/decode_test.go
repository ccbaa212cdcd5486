package pending

import (
	"errors"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

func FuzzDecode(f *testing.F) {
	draft, err := session.Vault{}.SealDraft(session.Record{Identity: session.Identity{Issuer: "i", Subject: "s"}}, session.Tokens{}, session.Secret{}, "p:x")
	if err != nil {
		f.Fatal(err)
	}
	var w pack.FieldWriter
	w.Bytes(1, draft.Encode())
	w.Bytes(2, []byte("note"))
	f.Add([]byte{})
	f.Add(w.Out)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decode(data); err != nil && !errors.Is(err, pack.ErrMalformed) {
			t.Fatalf("not told apart: %v", err)
		}
	})
}
