package leave

import (
	"errors"
	"net/url"
)

// MaxURL is the longest URL, in bytes. An ID token with many groups is longer than what servers accept as a request
// line.
const MaxURL = 2000

var errTooLong = errors.New("the address of the sign-out is too long")

// Request contains the parameters of a sign-out.
type Request struct {
	ClientID string
	// ReturnTo is the page to which the provider sends the user afterwards.
	ReturnTo string
	State    string
	// IDToken is the hint that providers prefer; it is omitted if it does not fit.
	IDToken string
	// Hint names the user if there is no ID token; it is omitted if it does not fit either.
	Hint string
}

// fitting calls write with as much of the request as fits, and returns the result.
func (r Request) fitting(write func(Request) string) (string, error) {
	full, hinted := r, r
	full.Hint, hinted.IDToken = "", ""
	bare := hinted
	bare.Hint = ""
	least := bare
	least.State = ""
	tries := []Request{full, hinted, bare, least}
	if r.IDToken == "" {
		tries = tries[1:]
	}
	for _, try := range tries {
		if out := write(try); len(out) <= MaxURL {
			return out, nil
		}
	}
	return "", errTooLong
}

// At returns the URL at a provider's end_session_endpoint. The query of the endpoint is kept.
func (r Request) At(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	query := u.Query()
	return r.fitting(func(r Request) string {
		for name, value := range r.params() {
			if query.Del(name); value != "" {
				query.Set(name, value)
			}
		}
		u.RawQuery = query.Encode()
		return u.String()
	})
}

// params returns the parameters by their names in the specification, which templates also use.
func (r Request) params() map[string]string {
	return map[string]string{
		"client_id": r.ClientID, "post_logout_redirect_uri": r.ReturnTo, "state": r.State, "id_token_hint": r.IDToken, "logout_hint": r.Hint,
	}
}
