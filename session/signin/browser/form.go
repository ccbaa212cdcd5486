package browser

import (
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// MaxForm bounds the forms of our own pages.
const MaxForm = 8 << 10

// ReadForm reads an urlencoded body of at most limit bytes and returns the named values, each of which may come once.
func ReadForm(w http.ResponseWriter, r *http.Request, limit int64, names ...string) (map[string]string, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, false
	}
	return SingleValues(string(body), names...)
}

// FormToken returns the token of a form that belongs to a session or a pending sign-in: a keyed hash, nothing stored.
// It is bound to the host and to what the form does, so that no form's token is good for another.
func FormToken(keys *keyring.Ring, host, action, secret string) string {
	return base64.RawURLEncoding.EncodeToString(keys.Sum(action, host, secret))
}

// CheckPost holds a state-changing request to two of its three conditions: a page of this site sent it (by origin or
// fetch metadata), and it has the form's own token (A23). The third, POST, is the routing's.
func CheckPost(r *http.Request, keys *keyring.Ring, origin, host, action, secret, token string) bool {
	mac, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && SameOrigin(r, origin) && keys.Verify(mac, action, host, secret)
}

// SingleValues parses parameters and returns those that are asked for, empty where absent. ok is false if the query is
// malformed, or one of them comes twice (A44): two parsers might pick two of them.
func SingleValues(rawQuery string, names ...string) (values map[string]string, ok bool) {
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, false
	}
	values = make(map[string]string, len(names))
	for _, name := range names {
		if len(q[name]) > 1 {
			return nil, false
		}
		values[name] = q.Get(name)
	}
	return values, true
}
