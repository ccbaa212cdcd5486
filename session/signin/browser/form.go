package browser

import (
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// MaxForm is the largest form of Latchkey's own pages, in bytes.
const MaxForm = 8 << 10

// ReadForm reads an urlencoded body of at most limit bytes and returns the named values, each of which may occur once.
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

// FormToken returns the token of a form that belongs to a session or a pending sign-in: a keyed hash, which is not
// stored. It is bound to the host and to the action of the form, so that it is not valid in another form.
func FormToken(keys *keyring.Ring, host, action, secret string) string {
	return base64.RawURLEncoding.EncodeToString(keys.Sum(action, host, secret))
}

// CheckPost checks two of the three conditions for a state-changing request: a page of this site sent it (by origin or
// fetch metadata), and it has the form's token (A23). The routing checks the third, the method POST.
func CheckPost(r *http.Request, keys *keyring.Ring, origin, host, action, secret, token string) bool {
	mac, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && SameOrigin(r, origin) && keys.Verify(mac, action, host, secret)
}

// SingleValues parses parameters and returns the named ones, empty if absent. ok is false if the query is malformed, or
// one of them occurs twice (A44), because two parsers might use different ones.
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
