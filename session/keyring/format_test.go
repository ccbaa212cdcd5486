package keyring_test

import (
	"encoding/hex"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

// What was sealed once can still be opened: a change that fails here signs every user out, and needs a version of its own
// beside the old one. It also shows that each purpose has a key of its own.
func TestSealedFormat(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	for purpose, sealed := range map[keyring.Purpose]string{
		keyring.PurposeCookie:  "01f83b7baaa2d97bd4e25c1b2e031eae78d7c6ac7b8ffeba1bb2d02ac91a89eaa93e7e35",
		keyring.PurposeRecord:  "01f83b358775fe6f55ba2dfd0608f150520e08444bccde462d98fc51b9a555719d6daa9d",
		keyring.PurposeFlow:    "01f83b151b503a177a7b8a5f29c446bb8163742abff98f8ede2928c4f9b1ed0f8f301623",
		keyring.PurposePending: "01f83b6ba06accde2da4c9025b92a2b7bbf03857653e11c1264d26407ce8ecd7df7d6196",
		keyring.PurposeAnswer:  "01f83b8fa6a44a4494f58e3bfde28e1d1683059b3efb96c145ad51ad1529d33af934aaaf",
		keyring.PurposeBrowser: "01f83b706cbca35c49810a6d94aec0021b32816624b2183b0d65b8e7b56d88979d9fd227",
	} {
		b, err := hex.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := r.Open(purpose, b, "place", "name")
		if err != nil || string(plain) != "plain" {
			t.Errorf("%s: %q, %v", purpose, plain, err)
		}
	}
	if got := hex.EncodeToString(r.Sum("a", "bc")); got != "9de3b3fa7d5d3e49dbb0aa28067cb438298a994ed7ae70ed2b5eedb2e2885bd5" {
		t.Errorf("sum %s", got)
	}
	secret := []byte{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}
	b, err := hex.DecodeString("01f83b4b02877fa89462d768ff34c6d409b76ae28f35c0df0d67f25e5e7f67853e715598")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := r.OpenWithSecret(secret, b, "place"); err != nil || string(plain) != "plain" {
		t.Errorf("tokens: %q, %v", plain, err)
	}
}
