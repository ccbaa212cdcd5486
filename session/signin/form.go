package signin

import (
	"encoding/base64"
	"io"
	"mime"
	"net/http"
)

// maxFormBody bounds the forms of our own pages.
const maxFormBody = 8 << 10

// readForm reads an urlencoded body of at most limit bytes and returns the named values, each of which may come once.
func readForm(w http.ResponseWriter, r *http.Request, limit int64, names ...string) (map[string]string, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, false
	}
	return singleValues(string(body), names...)
}

// csrfToken returns the token of a form that belongs to a session or a pending sign-in: a keyed hash, nothing stored.
// It is bound to what it does, so that no form's token is good for another.
func (s *Service) csrfToken(v *Visit, action, secret string) string {
	return base64.RawURLEncoding.EncodeToString(s.Keys.Sum(action, v.Host, secret))
}

// checkPost holds a state-changing request to its three conditions: POST (the routing), a page of this site (by origin
// or fetch metadata), and the form's own token (A23).
func (s *Service) checkPost(r *http.Request, v *Visit, action, secret, token string) bool {
	mac, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && sameOrigin(r, v.Origin) && s.Keys.Verify(mac, action, v.Host, secret)
}
