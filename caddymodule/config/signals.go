package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// Signals is a stream of events about users (Shared Signals Framework 1.0): an account was disabled, a session revoked, a
// password changed. What follows happens at once on every server. An event never signs a user in.
type Signals struct {
	// The name of the stream, which is part of the address to which events are pushed.
	Name string `json:"name"`

	// The issuer of the events, exactly as the transmitter writes it. Its metadata must be at
	// `/.well-known/ssf-configuration`, which stands before the path of the issuer.
	Issuer string `json:"issuer"`

	// Our names at the transmitter. An event must be for one of them.
	Audience []string `json:"audience"`

	// The provider whose users the events are about. Default: the provider with the same issuer.
	Provider string `json:"provider,omitempty"`

	// Events are pushed to `/.latchkey/events/<name>` of any site.
	Push *SignalsPush `json:"push,omitempty"`

	// The transmitter is asked for events.
	Poll *SignalsPoll `json:"poll,omitempty"`

	// What requests about the stream itself are authenticated with: its status, and verification. Default: the credentials
	// of `poll`; without those there are no such requests.
	Manage *SignalsCredentials `json:"manage,omitempty"`

	// The provider may order at `/.latchkey/revoke` of any site that all sessions of a user end (Global Token Revocation,
	// a draft of the IETF).
	Revoke *SignalsRevoke `json:"revoke,omitempty"`

	// What follows from a changed or withdrawn password or other credential: `reauthenticate`, `end` or `log`. Default:
	// `reauthenticate`.
	OnCredentialChange string `json:"on_credential_change,omitempty"`

	// What follows from a revoked session if the event names only a user: `user` ends all sessions of the user, `session`
	// ends none. Default: `user`.
	OnSessionRevoked string `json:"on_session_revoked,omitempty"`

	// How long a reported risk, and a reported state of a device, count for `when risk` and `when device`, from the time of
	// the event. Default: 24 hours; at most 30 days.
	RiskTTL caddy.Duration `json:"risk_ttl,omitempty"`

	// A file with the certificates of the authorities that are trusted for the transmitter, in PEM. Default: those of the
	// system.
	CAFile string `json:"ca_file,omitempty"`
}

// SignalsPush configures how events are pushed.
type SignalsPush struct {
	// What the transmitter must send as `Authorization: Bearer <secret>`. Use a placeholder. Default: nothing; the
	// signature of an event is proof enough.
	Secret string `json:"secret,omitempty" placeholders:"later"`
}

// SignalsPoll configures how the transmitter is asked for events (RFC 8936). One server at a time does that.
type SignalsPoll struct {
	// Where the transmitter has the events.
	URL string `json:"url"`

	// What the requests are authenticated with.
	Credentials SignalsCredentials `json:"credentials"`

	// How often the transmitter is asked, unless it holds a request open until it has an event: then it is asked again at
	// once. Default: 30 seconds; at most an hour.
	Every caddy.Duration `json:"every,omitempty"`
}

// SignalsCredentials are what requests to the transmitter are authenticated with: one of `bearer` and
// `client_credentials`.
type SignalsCredentials struct {
	// A fixed secret, which is sent as `Authorization: Bearer <secret>`. Use a placeholder.
	Bearer string `json:"bearer,omitempty" placeholders:"later"`

	// A client of an authorization server, which gives tokens for the requests (RFC 6749, section 4.4).
	ClientCredentials *SignalsClient `json:"client_credentials,omitempty"`
}

// SignalsClient is a client of an authorization server.
type SignalsClient struct {
	// The token endpoint.
	TokenURL string `json:"token_url"`

	// The client ID.
	ClientID string `json:"client_id"`

	// The client secret. Use a placeholder.
	ClientSecret string `json:"client_secret" placeholders:"later"`

	// The scopes that are requested, for instance `ssf.manage`. Default: none; the server decides.
	Scopes []string `json:"scopes,omitempty"`
}

// SignalsRevoke configures who may ask for revocation.
type SignalsRevoke struct {
	// What the caller must send as `Authorization: Bearer <secret>`. Use a placeholder. Default: the caller sends an
	// assertion there that the issuer of the stream has signed, as Okta does.
	Secret string `json:"secret,omitempty" placeholders:"later"`
}

// The values of Signals.OnCredentialChange and Signals.OnSessionRevoked.
var (
	CredentialChangeWords = []string{"reauthenticate", "end", "log"}
	SessionRevokedWords   = []string{"user", "session"}
)

func (a *App) checkSignals() error {
	names := map[string]bool{}
	for _, s := range a.Signals {
		if names[s.Name] {
			return fmt.Errorf("signals %q is defined twice", s.Name)
		}
		names[s.Name] = true
		if err := s.check(a); err != nil {
			return fmt.Errorf("signals %q: %w", s.Name, err)
		}
	}
	return nil
}

func (s *Signals) check(a *App) error {
	if err := CheckID(s.Name); err != nil {
		return err
	}
	if !HasPlaceholder(s.Issuer) {
		if err := CheckIssuer(s.Issuer); err != nil {
			return err
		}
	}
	if len(s.Audience) == 0 {
		return errors.New("audience is missing: what the transmitter writes as aud")
	}
	if slices.ContainsFunc(s.Audience, func(one string) bool { return strings.TrimSpace(one) == "" }) {
		return errors.New("audience: a value is empty")
	}
	if s.Push == nil && s.Poll == nil && s.Revoke == nil {
		return errors.New("push, poll or revoke is missing: how events arrive")
	}
	if err := s.Poll.check(); err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	if err := s.Manage.check(); err != nil {
		return fmt.Errorf("manage: %w", err)
	}
	for _, one := range []struct {
		word, value string
		words       []string
	}{{"credential_change", s.OnCredentialChange, CredentialChangeWords}, {"session_revoked", s.OnSessionRevoked, SessionRevokedWords}} {
		if one.value != "" && !slices.Contains(one.words, one.value) {
			return fmt.Errorf("on %s: %q is none of %s", one.word, one.value, strings.Join(one.words, ", "))
		}
	}
	if s.RiskTTL != 0 {
		if err := CheckDuration(time.Duration(s.RiskTTL), MaxRiskTTL); err != nil {
			return fmt.Errorf("risk_ttl: %w", err)
		}
	}
	open := s.Provider == "" && (HasPlaceholder(s.Issuer) || slices.ContainsFunc(a.Providers, func(p *Provider) bool { return HasPlaceholder(p.Issuer) }))
	if _, err := s.Users(a); err != nil && !open { // else it is checked again once they are replaced
		return err
	}
	return nil
}

func (p *SignalsPoll) check() error {
	if p == nil {
		return nil
	}
	if !HasPlaceholder(p.URL) {
		if err := reach.CheckEndpoint(p.URL); err != nil {
			return err
		}
	}
	if p.Every != 0 {
		if err := CheckDuration(time.Duration(p.Every), MaxPollEvery); err != nil {
			return fmt.Errorf("every: %w", err)
		}
	}
	return p.Credentials.check()
}

func (c *SignalsCredentials) check() error {
	switch {
	case c == nil:
		return nil
	case (c.Bearer == "") == (c.ClientCredentials == nil):
		return errors.New("give one of bearer and client_credentials")
	case c.ClientCredentials == nil:
		return nil
	case c.ClientCredentials.ClientID == "" || c.ClientCredentials.ClientSecret == "":
		return errors.New("client_credentials: the ID or the secret of the client is missing")
	case HasPlaceholder(c.ClientCredentials.TokenURL):
		return nil
	}
	if err := reach.CheckEndpoint(c.ClientCredentials.TokenURL); err != nil {
		return fmt.Errorf("client_credentials: %w", err)
	}
	return nil
}

// Users returns the provider whose users the events are about.
func (s *Signals) Users(a *App) (*Provider, error) {
	for _, p := range a.Providers {
		if s.Provider != "" && p.Called() == s.Provider || s.Provider == "" && p.Issuer == s.Issuer {
			return p, nil
		}
	}
	if s.Provider != "" {
		return nil, fmt.Errorf("provider %q is not defined", s.Provider)
	}
	return nil, errors.New("no provider has the issuer of the stream; name the provider whose users the events are about")
}

// HasSignals reports whether a stream has events about the users of a provider.
func (a *App) HasSignals(p *Provider) bool {
	return slices.ContainsFunc(a.Signals, func(s *Signals) bool {
		users, err := s.Users(a)
		return err == nil && users.Called() == p.Called()
	})
}

// Choices returns what the configuration chooses.
func (s *Signals) Choices() signals.Options {
	return signals.Options{SessionOnly: s.OnSessionRevoked == "session", RiskTTL: time.Duration(s.RiskTTL), CredentialChange: map[string]signals.Effect{
		"end": signals.Ended, "log": signals.Logged,
	}[s.OnCredentialChange]}
}

// Client returns the client for requests to the transmitter.
func (s *Signals) Client(wrap func(http.RoundTripper) http.RoundTripper) (*http.Client, error) {
	return s.client(wrap, 0)
}

// PollClient is Client for polls, which a transmitter may hold open.
func (s *Signals) PollClient(wrap func(http.RoundTripper) http.RoundTripper) (*http.Client, error) {
	return s.client(wrap, transmitter.PollTimeout)
}

func (s *Signals) client(wrap func(http.RoundTripper) http.RoundTripper, timeout time.Duration) (*http.Client, error) {
	roots, err := loadRoots(s.CAFile)
	if err != nil {
		return nil, err
	}
	return oidc.NewClient(oidc.ClientConfig{Roots: roots, Wrap: wrap, Timeout: timeout}), nil
}

// Credentials returns what requests about the stream itself are authenticated with; nil if there is nothing configured.
// client sends requests for tokens.
func (s *Signals) Credentials(client *http.Client) (*transmitter.Credentials, error) {
	if s.Manage == nil {
		return s.PollCredentials(client)
	}
	return s.Manage.open("manage", client)
}

// PollCredentials is Credentials for polls.
func (s *Signals) PollCredentials(client *http.Client) (*transmitter.Credentials, error) {
	if s.Poll == nil {
		return nil, nil
	}
	return s.Poll.Credentials.open("poll", client)
}

// PollEvery returns how often the transmitter is asked for events.
func (s *Signals) PollEvery() time.Duration {
	if s.Poll == nil {
		return 0
	}
	return cmp.Or(time.Duration(s.Poll.Every), DefaultPollEvery)
}

// DefaultPollEvery is the default of SignalsPoll.Every, MaxPollEvery its highest value.
const (
	DefaultPollEvery = 30 * time.Second
	MaxPollEvery     = time.Hour
)

// open returns the credentials for requests. Secrets are read again at each use, so that a rotated one needs no reload; one
// that cannot be read now is an error.
func (c *SignalsCredentials) open(what string, client *http.Client) (*transmitter.Credentials, error) {
	open := &transmitter.Credentials{Client: client, Now: time.Now}
	read := func(value string) func() (string, error) {
		return func() (string, error) { return Resolve(what, value) }
	}
	if c.ClientCredentials == nil {
		open.Secret = read(c.Bearer)
		_, err := open.Secret()
		return open, err
	}
	open.TokenURL, open.ClientID, open.Scopes = c.ClientCredentials.TokenURL, c.ClientCredentials.ClientID, c.ClientCredentials.Scopes
	open.ClientSecret = read(c.ClientCredentials.ClientSecret)
	_, err := open.ClientSecret()
	return open, err
}

// Bare returns the secrets that stand in the configuration itself, by their words.
func (s *Signals) Bare() (words []string) {
	add := func(word, secret string) {
		if secret != "" && !HasPlaceholder(secret) {
			words = append(words, word)
		}
	}
	if s.Push != nil {
		add("push", s.Push.Secret)
	}
	if s.Revoke != nil {
		add("revoke", s.Revoke.Secret)
	}
	credentials := func(word string, c *SignalsCredentials) {
		add(word, c.Bearer)
		if c.ClientCredentials != nil {
			add(word, c.ClientCredentials.ClientSecret)
		}
	}
	if s.Poll != nil {
		credentials("poll", &s.Poll.Credentials)
	}
	if s.Manage != nil {
		credentials("manage", s.Manage)
	}
	return words
}

// MaxRiskTTL is the longest time for which a reported risk, or state of a device, counts.
const MaxRiskTTL = 30 * 24 * time.Hour

// PushSecret returns what the transmitter must send to push; empty if nothing. It is read at each push, so that a
// rotated secret needs no reload.
func (s *Signals) PushSecret() (string, error) {
	if s.Push == nil || s.Push.Secret == "" {
		return "", nil
	}
	return Resolve("push", s.Push.Secret)
}

// RevokeSecret is PushSecret for requests for revocation.
func (s *Signals) RevokeSecret() (string, error) {
	if s.Revoke == nil || s.Revoke.Secret == "" {
		return "", nil
	}
	return Resolve("revoke", s.Revoke.Secret)
}
