package browser

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	idSize = 16
	// LongestLife is the longest time for which browsers keep a cookie.
	LongestLife = 400 * 24 * time.Hour
)

// GiveID returns the random ID of the browser, and sets one if it has none. It is only called for a user who has just
// signed in, so that other visitors are not marked.
func GiveID(w http.ResponseWriter, keys *keyring.Ring, host string, secure bool, c *Cookies) string {
	if id, ok := ID(keys, host, c); ok {
		return id
	}
	id := session.NewRandom(idSize)
	sealed := keys.Seal(keyring.PurposeBrowser, []byte(id), host, IDCookie)
	SetCookie(w, secure, IDCookie, base64.RawURLEncoding.EncodeToString(sealed), LongestLife)
	return id
}

// ID returns the existing ID of the browser.
func ID(keys *keyring.Ring, host string, c *Cookies) (string, bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(c.Browser)
	if err != nil {
		return "", false
	}
	id, err := keys.Open(keyring.PurposeBrowser, sealed, host, IDCookie)
	return string(id), err == nil
}
