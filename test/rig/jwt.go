package rig

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

func compact(header, claims map[string]any) string {
	h, _ := json.Marshal(header) // maps of plain values
	c, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
}

// SignRS256 makes a token with exactly this header and these claims, whatever the header says about itself.
func SignRS256(key *rsa.PrivateKey, header, claims map[string]any) string {
	input := compact(header, claims)
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // a key of ours that cannot sign
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// SignHS256 makes a token under a shared secret.
func SignHS256(secret []byte, header, claims map[string]any) string {
	input := compact(header, claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Unsigned makes a token with an empty signature.
func Unsigned(header, claims map[string]any) string { return compact(header, claims) + "." }

// HalfHash is at_hash for an access token beside an RS256 ID token (OpenID Connect Core 3.1.3.6).
func HalfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Challenge is the PKCE challenge of a verifier (RFC 7636).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
