package leave

import (
	"errors"
	"net/url"
)

// MaxURL bounds an address, in bytes. An ID token with many groups is longer than what servers take for a request line.
const MaxURL = 2000

var errTooLong = errors.New("the address of the sign-out is too long")

// Request is what a provider is told.
type Request struct {
	ClientID string
	// ReturnTo is where the provider is to send the person afterwards.
	ReturnTo string
	State    string
	// IDToken is the hint that providers prefer; it is left out if it does not fit.
	IDToken string
	// Hint names the person where there is no ID token; it is left out if it does not fit either.
	Hint string
}

// fitting calls write with as much of the request as fits, and returns what it made.
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

// At returns the address at a provider's end_session_endpoint, whose own query is kept.
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

// params are the parameters by their names in the specification, which templates use as well.
func (r Request) params() map[string]string {
	return map[string]string{
		"client_id": r.ClientID, "post_logout_redirect_uri": r.ReturnTo, "state": r.State, "id_token_hint": r.IDToken, "logout_hint": r.Hint,
	}
}
