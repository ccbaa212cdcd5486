package wellknown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// ErrNone: there is no document at this address (status 404).
var ErrNone = errors.New("status 404")

// Fetch reads the document at an address. The client must limit the time and the size of an answer; redirects are
// followed as reach allows. check decides whether the document may be used.
func Fetch[T any](ctx context.Context, c *http.Client, address string, check func(*T) error) (*T, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := reach.Following(c, reach.CheckEndpoint).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, ErrNone
	default:
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	document := new(T)
	if err := json.Unmarshal(body, document); err != nil {
		return nil, errors.New("it is no JSON object with the fields of metadata")
	}
	return document, check(document)
}

// CheckParty refuses the metadata of another issuer, and keys at an address that may not be asked. Issuers are compared byte
// for byte.
func CheckParty(want, issuer, jwksURI string) error {
	if issuer != want {
		return fmt.Errorf("issuer is %q in the configuration and %q in the metadata", want, issuer)
	}
	if err := reach.CheckEndpoint(jwksURI); err != nil {
		return fmt.Errorf("jwks_uri: %w", err)
	}
	return nil
}
