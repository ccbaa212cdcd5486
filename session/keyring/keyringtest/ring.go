// Package keyringtest makes key rings for tests.
package keyringtest

import (
	"bytes"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Ring builds a key ring of secrets that consist of one byte each.
func Ring(t testing.TB, seeds ...byte) *keyring.Ring {
	t.Helper()
	secrets := make([][]byte, len(seeds))
	for i, seed := range seeds {
		secrets[i] = bytes.Repeat([]byte{seed}, keyring.MinSecret)
	}
	r, err := keyring.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
