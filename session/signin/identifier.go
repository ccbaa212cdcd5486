package signin

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	browserIDSize = 16
	// browserIDLife is the longest that browsers keep a cookie.
	browserIDLife = 400 * 24 * time.Hour
)

// giveBrowserID returns the random id of the browser, and gives it one if it has none. Only a user who has just signed in
// gets one, so that other visitors are not marked.
func giveBrowserID(w http.ResponseWriter, keys *keyring.Ring, host string, secure bool, c *Cookies) string {
	if id, ok := browserID(keys, host, c); ok {
		return id
	}
	id := session.NewRandom(browserIDSize)
	sealed := keys.Seal(keyring.PurposeBrowser, []byte(id), host, cookieBrowser)
	setCookie(w, secure, cookieBrowser, base64.RawURLEncoding.EncodeToString(sealed), browserIDLife)
	return id
}

// browserID returns the id that the browser has already.
func browserID(keys *keyring.Ring, host string, c *Cookies) (string, bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(c.browser)
	if err != nil {
		return "", false
	}
	id, err := keys.Open(keyring.PurposeBrowser, sealed, host, cookieBrowser)
	return string(id), err == nil
}
