package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Examination is what a look at a provider found.
type Examination struct {
	// Keys is how many of its keys can verify its tokens, Algorithms which of the algorithms that it says it signs with
	// are accepted. Neither is known if KeysErr is not nil.
	Keys       int
	Algorithms []string
	KeysErr    error
	// Ahead is how far the provider's clock is ahead of ours, to a second. It is known if Dated.
	Ahead time.Duration
	Dated bool
	// Lacks names the optional endpoints that it does not have.
	Lacks []string
	// From is the address that answered with the metadata, after redirects.
	From string
	// Offers is what the metadata lists, as it says it.
	Offers Offers
	// Scopes are those that a sign-in asks for. Offline: parameters of the provider's own ask for a refresh token.
	Scopes  []string
	Offline bool
	// TokenErr is why the token endpoint does not answer; nil if it does.
	TokenErr error
}

// Offers is what a provider's metadata lists (OpenID Connect Discovery, section 3; RFC 8414, section 2). A list that is
// absent is nil, and means what the specification has for that.
type Offers struct {
	AuthMethods    []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Challenges     []string `json:"code_challenge_methods_supported"`
	ResponseModes  []string `json:"response_modes_supported"`
	Scopes         []string `json:"scopes_supported"`
	Claims         []string `json:"claims_supported"`
	Grants         []string `json:"grant_types_supported"`
}

// MaxAhead is how far ahead a provider's clock may be before its tokens are refused.
const MaxAhead = clockSkew

// Examine asks a provider that is not in use for its metadata and its keys, as a sign-in would. The error is that of the
// metadata: unreachable, or of another issuer (OpenID Connect Discovery, section 4.3).
func (p *Provider) Examine(ctx context.Context) (*Examination, error) {
	out := new(Examination)
	began := p.Now()
	got, err := p.fetchMetadata(ctx)
	if date, ok := got.dateOf(); ok {
		out.Dated, out.Ahead = true, ahead(date, began, p.Now())
	}
	if err != nil {
		return out, err
	}
	out.From = got.from
	if err := json.Unmarshal(got.body, &out.Offers); err != nil {
		return out, fmt.Errorf("reading metadata: %w", err)
	}
	m := p.meta.Load()
	out.Scopes, out.Offline = p.scopes(m), p.ownParams(m) != nil
	out.TokenErr = p.probeToken(ctx, m)
	keys, err := m.keys.current(ctx)
	out.Keys, out.KeysErr = len(keys), err
	out.Algorithms = accepted(m.SigningAlgorithms)
	if err == nil && len(m.SigningAlgorithms) > 0 && len(out.Algorithms) == 0 {
		out.KeysErr = fmt.Errorf("it signs with %s, and none of these is accepted", strings.Join(m.SigningAlgorithms, ", "))
	}
	for name, endpoint := range map[string]string{"end_session_endpoint": m.EndSessionEndpoint, "revocation_endpoint": m.RevocationEndpoint} {
		if endpoint == "" {
			out.Lacks = append(out.Lacks, name)
		}
	}
	slices.Sort(out.Lacks)
	return out, nil
}

// probeToken asks the token endpoint for nothing, as nobody: any answer but one of a broken server shows that it is there.
func (c *Config) probeToken(ctx context.Context, m *Metadata) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.TokenEndpoint, strings.NewReader("grant_type=authorization_code"))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Client.Do(req)
	if err != nil {
		return transportError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// ahead is how far a time that was read between two of ours is ahead: 0 if it may be none of it.
func ahead(theirs, began, ended time.Time) time.Duration {
	switch {
	case theirs.After(ended):
		return theirs.Sub(ended)
	case theirs.Add(time.Second).Before(began): // a Date header has whole seconds
		return theirs.Sub(began)
	}
	return 0
}
