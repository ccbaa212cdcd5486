package rig

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
)

// Claims are what a provider says about a person. Of them, acr, amr and auth_age (seconds since they authenticated) are
// what their sign-in yields, and asked holds what of these it yields when the gateway asks for more by acr_values,
// max_age or prompt=login.
type Claims map[string]any

// Client is a registration at the provider.
type Client struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret,omitempty"`
	RedirectURIs []string `json:"redirect_uris"`
	SignedOut    []string `json:"post_logout_redirect_uris,omitempty"`
	AuthMethod   string   `json:"token_endpoint_auth_method,omitempty"`
	// Grants are what the client may ask for; nil: codes and refresh tokens.
	Grants []string `json:"grant_types,omitempty"`
	// JWKS are the client's own public keys, for private_key_jwt.
	JWKS any `json:"jwks,omitempty"`
	// Alg signs the client's ID tokens; empty: RS256.
	Alg string `json:"id_token_signed_response_alg,omitempty"`
	// KeyBound and CertificateBound refuse to give the client tokens that are not bound (DPoP, mutual TLS).
	KeyBound         bool `json:"dpop_bound_access_tokens,omitempty"`
	CertificateBound bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	// Host is the name in the certificate of the client, for tls_client_auth.
	Host string `json:"tls_client_auth_san_dns,omitempty"`
	// BackChannel is where the provider posts when a user signs out there; by session (sid), or by person (sub).
	BackChannel string `json:"backchannel_logout_uri,omitempty"`
	BySession   bool   `json:"backchannel_logout_session_required,omitempty"`
}

// IDPConfig configures the certified provider. People sign in by name, without a password.
type IDPConfig struct {
	Clients []Client          `json:"clients"`
	Users   map[string]Claims `json:"users"`
	// SSO lets the provider remember a browser. Off, every authorization request shows its form again, so that a
	// browser session that ended cannot look alive.
	SSO bool `json:"sso,omitempty"`
	// Auto signs this person in without a form.
	Auto string `json:"auto,omitempty"`
	// IDTokenClaims false puts claims into userinfo only; nil means true.
	IDTokenClaims *bool `json:"idTokenClaims,omitempty"`
	// Refresh false issues no refresh tokens; nil means true.
	Refresh *bool `json:"refresh,omitempty"`
	// RequirePush refuses authorization requests that were not pushed (RFC 9126).
	RequirePush bool `json:"requirePush,omitempty"`
	// ProofNonce demands a nonce of the provider in each DPoP proof (RFC 9449).
	ProofNonce bool `json:"proofNonce,omitempty"`
	// FAPI is the FAPI 2.0 profile: assertions for the issuer alone, and a key for ES256.
	FAPI bool `json:"fapi,omitempty"`
	// Signed is "offered" or "required": signed authorization requests (RFC 9101).
	Signed string `json:"signed,omitempty"`
	// TLS, if set, makes endpoints for clients with a certificate (RFC 8705), with a certificate of their own.
	TLS *ServerTLS `json:"tls,omitempty"`
	// Resources are what access tokens can be for (RFC 8707), by their names. Nil: nothing.
	Resources map[string]Resource `json:"resources,omitempty"`
	// Exchange lets clients exchange access tokens for those of another of the resources (RFC 8693).
	Exchange bool `json:"exchange,omitempty"`
	// Registration lets clients register themselves (RFC 7591).
	Registration bool `json:"registration,omitempty"`
	// ExtraClaims names claims beyond the built-in list that may be released.
	ExtraClaims []string `json:"claims,omitempty"`
}

// ServerTLS is what a server with TLS needs, in PEM. CA is the authority of the clients that it trusts.
type ServerTLS struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
	CA   string `json:"ca"`
}

// Resource is something that access tokens are for.
type Resource struct {
	Scope string `json:"scope"`
	// Format is jwt (RFC 9068) or opaque; empty: jwt.
	Format string `json:"format,omitempty"`
	// TTL is the life of a token in seconds; 0: an hour.
	TTL int `json:"ttl,omitempty"`
}

// IDP is a running provider.
type IDP struct {
	Issuer  string
	control string
	node    *node
	said    int // bytes of standard error that earlier tests caused
	down    bool
	t       testing.TB
}

// IDPRequest is one request that reached the provider.
type IDPRequest struct {
	Endpoint string            `json:"endpoint"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Query    map[string]string `json:"query"`
	Params   map[string]any    `json:"params"`
	Status   int               `json:"status"`
	// Certificate is the serial number of the client's certificate, in hexadecimal. Proof: there was one (DPoP).
	Certificate string `json:"certificate"`
	Proof       bool   `json:"proof"`
}

// IDPState is what the provider saw and handed out since its start or the last Reset.
type IDPState struct {
	Hits     map[string]int      `json:"hits"`
	Requests []IDPRequest        `json:"requests"`
	Issued   map[string][]string `json:"issued"`
}

// Fault is a disturbance of one endpoint: discovery, jwks, authorize, token, userinfo, revocation, end_session, login.
type Fault struct {
	Status     int    `json:"status,omitempty"`
	Body       string `json:"body,omitempty"`
	Type       string `json:"type,omitempty"`
	Location   string `json:"location,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"`
	Size       int    `json:"size,omitempty"` // a body of this many bytes
	DelayMS    int    `json:"delay_ms,omitempty"`
	Hang       bool   `json:"hang,omitempty"`
	Drop       bool   `json:"drop,omitempty"`
	Times      int    `json:"times,omitempty"` // how often; 0 means once, below 0 until changed
}

// idleIDPs are providers that tests have given back. A provider takes a second to start, and a new configuration is a
// new life for it: no client, person, session, fault or count is left of the old one.
var idleIDPs struct {
	sync.Mutex
	list []*IDP
}

// NewIDP starts a provider for the time of the test.
func NewIDP(t testing.TB, config IDPConfig) *IDP {
	t.Helper()
	p := idleIDP()
	if p == nil {
		p = startIDP(t)
	}
	p.t = t
	p.down = false
	p.do(nil, "configure", map[string]any{"config": config})
	t.Cleanup(func() {
		if said := p.node.stderr.String()[p.said:]; t.Failed() && said != "" {
			t.Logf("the provider said:\n%s", said)
		}
		p.said = len(p.node.stderr.String())
		if p.down {
			p.Up()
		}
		idleIDPs.Lock()
		defer idleIDPs.Unlock()
		idleIDPs.list = append(idleIDPs.list, p)
	})
	return p
}

func idleIDP() *IDP {
	idleIDPs.Lock()
	defer idleIDPs.Unlock()
	n := len(idleIDPs.list)
	if n == 0 {
		return nil
	}
	p := idleIDPs.list[n-1]
	idleIDPs.list = idleIDPs.list[:n-1]
	return p
}

func startIDP(t testing.TB) *IDP {
	t.Helper()
	nodeModule(t, "oidc-provider")
	n := startNode(t, "idp/provider.mjs")
	onExit(n.stop)
	var ready struct{ Issuer, Control string }
	if err := n.read(&ready); err != nil {
		t.Fatalf("starting the provider: %v", err)
	}
	return &IDP{Issuer: ready.Issuer, control: ready.Control, node: n, said: len(n.stderr.String())}
}

func (p *IDP) do(out any, op string, args map[string]any) {
	p.t.Helper()
	body := map[string]any{"op": op}
	for k, v := range args {
		body[k] = v
	}
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatalf("asking the provider to %s: %v", op, err)
	}
	client := http.Client{Timeout: Patience}
	resp, err := client.Post(p.control, "application/json", bytes.NewReader(raw))
	if err != nil {
		p.t.Fatalf("asking the provider to %s: %v", op, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("asking the provider to %s: %d %s %v", op, resp.StatusCode, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			p.t.Fatalf("asking the provider to %s: %v", op, err)
		}
	}
}

// State tells what the provider saw and handed out.
func (p *IDP) State() IDPState {
	p.t.Helper()
	var s IDPState
	p.do(&s, "state", nil)
	return s
}

// Hits counts the requests to an endpoint.
func (p *IDP) Hits(endpoint string) int { p.t.Helper(); return p.State().Hits[endpoint] }

// Last returns the newest request to an endpoint and fails the test if there was none.
func (p *IDP) Last(endpoint string) IDPRequest {
	p.t.Helper()
	requests := p.State().Requests
	for i := len(requests) - 1; i >= 0; i-- {
		if requests[i].Endpoint == endpoint {
			return requests[i]
		}
	}
	p.t.Fatalf("no request reached the provider's %s endpoint", endpoint)
	return IDPRequest{}
}

// Register replaces the clients, and keeps all else but connections with TLS.
func (p *IDP) Register(clients ...Client) {
	p.t.Helper()
	p.do(nil, "register", map[string]any{"clients": clients})
}

// Reset forgets the requests seen; what was handed out is kept.
func (p *IDP) Reset() { p.t.Helper(); p.do(nil, "reset", nil) }

// SetUser changes what the provider says about a person from now on; nil claims remove the person.
func (p *IDP) SetUser(user string, claims Claims) {
	p.t.Helper()
	p.do(nil, "user", map[string]any{"user": user, "claims": claims})
}

// Auto signs this person in without a form from now on; the empty name brings the form back.
func (p *IDP) Auto(user string) { p.t.Helper(); p.do(nil, "auto", map[string]any{"user": user}) }

// SSO switches the provider's own single sign-on.
func (p *IDP) SSO(on bool) { p.t.Helper(); p.do(nil, "sso", map[string]any{"on": on}) }

// Fail orders a fault for an endpoint.
func (p *IDP) Fail(endpoint string, f Fault) {
	p.t.Helper()
	if f.Times == 0 {
		f.Times = 1
	}
	p.do(nil, "fail", map[string]any{"endpoint": endpoint, "fault": f})
}

// Heal cancels the fault of an endpoint and lets go of requests that hang.
func (p *IDP) Heal(endpoint string) {
	p.t.Helper()
	p.do(nil, "fail", map[string]any{"endpoint": endpoint, "fault": map[string]any{"times": 0}})
	p.do(nil, "release", nil)
}

// Rotate makes a new signing key; the old ones stay published if keep is set.
func (p *IDP) Rotate(keep bool) { p.t.Helper(); p.do(nil, "rotate", map[string]any{"keep": keep}) }

// Down stops listening, Up listens on the same port again.
func (p *IDP) Down() { p.t.Helper(); p.do(nil, "down", nil); p.down = true }

// Up undoes Down.
func (p *IDP) Up() { p.t.Helper(); p.do(nil, "up", nil); p.down = false }

// Pause makes the provider hang, Resume lets it go on.
func (p *IDP) Pause() { p.t.Helper(); p.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *IDP) Resume() { p.t.Helper(); p.signal(syscall.SIGCONT) }

func (p *IDP) signal(signal os.Signal) {
	p.t.Helper()
	if err := p.node.cmd.Process.Signal(signal); err != nil {
		p.t.Errorf("signalling the provider: %v", err)
	}
}
