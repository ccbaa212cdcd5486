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

// Examination is the result of checking a provider.
type Examination struct {
	// Keys is the number of its keys that can verify its tokens. Algorithms are its signing algorithms that we accept.
	// Neither is known if KeysErr is not nil.
	Keys       int
	Algorithms []string
	KeysErr    error
	// Ahead is how far the provider's clock is ahead of ours, to a second. It is known if Dated is set.
	Ahead time.Duration
	Dated bool
	// Lacks names the optional endpoints that the provider does not have.
	Lacks []string
	// From is the address that answered with the metadata, after redirects.
	From string
	// Offers are the unchanged lists of the metadata.
	Offers Offers
	// Scopes are the scopes that a sign-in requests. Offline: provider-specific parameters request a refresh token.
	Scopes  []string
	Offline bool
	// TokenErr is why the token endpoint does not answer; nil if it does.
	TokenErr error
}

// Offers are the lists in a provider's metadata (OpenID Connect Discovery, section 3; RFC 8414, section 2) and what it says
// about pushed requests (RFC 9126, section 5). A missing list is nil and has the default of the specification.
type Offers struct {
	AuthMethods    []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Challenges     []string `json:"code_challenge_methods_supported"`
	ResponseModes  []string `json:"response_modes_supported"`
	Scopes         []string `json:"scopes_supported"`
	Claims         []string `json:"claims_supported"`
	Grants         []string `json:"grant_types_supported"`
	DPoPAlgorithms []string `json:"dpop_signing_alg_values_supported"`
	PushEndpoint   string   `json:"pushed_authorization_request_endpoint"`
	RequiresPush   bool     `json:"require_pushed_authorization_requests"`
	IDAlgorithms   []string `json:"id_token_signing_alg_values_supported"`
	// RequestAlgorithms and RequiresSigned are about signed authorization requests (RFC 9101, section 10.5).
	RequestAlgorithms []string `json:"request_object_signing_alg_values_supported"`
	RequiresSigned    bool     `json:"require_signed_request_object"`
	// IssInResponse: responses name their issuer (RFC 9207, section 3). CertificateBound: access tokens are bound to the
	// certificate of the client (RFC 8705, section 3.3).
	IssInResponse    bool `json:"authorization_response_iss_parameter_supported"`
	CertificateBound bool `json:"tls_client_certificate_bound_access_tokens"`
}

// MaxAhead is how far ahead a provider's clock may be before its tokens are refused.
const MaxAhead = clockSkew

// Examine fetches the metadata and keys of a provider that is not in use, as a sign-in would. Its error is that of the
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
	keys, err := m.keys.Current(ctx)
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

// probeToken sends an empty request to the token endpoint, without authentication: any answer except a server error
// shows that it exists.
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

// ahead returns how far a time that was read between two of ours is ahead: 0 if it need not be ahead.
func ahead(theirs, began, ended time.Time) time.Duration {
	switch {
	case theirs.After(ended):
		return theirs.Sub(ended)
	case theirs.Add(time.Second).Before(began): // a Date header has whole seconds
		return theirs.Sub(began)
	}
	return 0
}
