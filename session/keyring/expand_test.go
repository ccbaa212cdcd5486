package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"
)

// The keys of sealed tokens are those of crypto/hkdf, which sealed the tokens that are stored.
func TestExpandIsHKDF(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "secret")
		salt := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "salt")
		info := string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "info"))
		want, err := hkdf.Key(sha256.New, secret, salt, info, sha256.Size)
		if err != nil {
			rt.Fatal(err)
		}
		if got := expand(secret, salt, info); !bytes.Equal(got[:], want) {
			rt.Fatalf("%x, want %x", got, want)
		}
	})
}

func BenchmarkExpand(b *testing.B) {
	secret, salt := make([]byte, 32), make([]byte, 32)
	_, _ = rand.Read(secret)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			expand(secret, salt, "latchkey/v1/session tokens")
		}
	})
	b.Run("hkdf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = hkdf.Key(sha256.New, secret, salt, "latchkey/v1/session tokens", 32)
		}
	})
}
