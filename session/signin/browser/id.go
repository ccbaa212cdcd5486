package browser

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
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
// signed in, so that other visitors are not marked. A new ID names that user for FirstUser: first is empty if it is not known
// who signs in.
func GiveID(w http.ResponseWriter, keys *keyring.Ring, host string, secure bool, c *Cookies, first session.Key, now time.Time) string {
	if id, ok := ID(keys, host, c); ok {
		return id
	}
	id := session.NewRandom(idSize)
	if first != "" {
		id += idMark + strconv.FormatInt(now.Unix(), 36) + idMark + string(first)
	}
	sealed := keys.Seal(keyring.PurposeBrowser, []byte(id), host, IDCookie)
	SetCookie(w, secure, IDCookie, base64.RawURLEncoding.EncodeToString(sealed), LongestLife)
	return id
}

// idMark separates the parts of an ID.
const idMark = " "

// FirstUser returns who had signed in when a browser got its ID, and when that was. It is empty if the ID does not say it.
func FirstUser(id string) (first session.Key, at time.Time) {
	parts := strings.SplitN(id, idMark, 3)
	if len(parts) < 3 {
		return "", at
	}
	seconds, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		return "", at
	}
	return session.Key(parts[2]), time.Unix(seconds, 0)
}

// Name returns what the record of a session keeps of a browser's ID: the random part, which no other browser has. The rest
// stands in the browser's cookie only.
func Name(id string) string {
	name, _, _ := strings.Cut(id, idMark)
	return name
}

// IsNamed reports whether a record's name of a browser is that of this ID. An earlier version has kept the whole ID.
func IsNamed(id, name string) bool { return name != "" && (name == id || name == Name(id)) }

// ID returns the existing ID of the browser.
func ID(keys *keyring.Ring, host string, c *Cookies) (string, bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(c.Browser)
	if err != nil {
		return "", false
	}
	id, err := keys.Open(keyring.PurposeBrowser, sealed, host, IDCookie)
	return string(id), err == nil
}
