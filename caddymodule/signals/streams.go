package signals

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// refusedRate is how many refused events one address may send to a stream before further ones of it are not looked at
// for a while.
var refusedRate = ratelimit.Rate{N: 60, Per: time.Minute}

// maxHeld is how many addresses are held off at a time.
const maxHeld = 4096

// Streams are the streams of events of a configuration. A nil Streams has none.
type Streams struct {
	byName map[string]*stream
	// revoking are the streams whose provider may ask for revocation, sorted by name.
	revoking []*stream
	actor    *signals.Actor
	refused  *ratelimit.Limiter
	held     retry.Holds[heldKey, struct{}]
	logger   *zap.Logger
	// said limits what is logged about refused requests for revocation.
	said retry.Seldom
}

type heldKey struct {
	from netip.Addr
	name string
}

type stream struct {
	*signals.Receiver
	config *config.Signals
	// said and failed limit what is logged about refused events, and about those that could not be carried out.
	said, failed retry.Seldom
}

// New makes the streams of a configuration whose placeholders are replaced and which is checked. It makes no network
// connection. count is called for each event.
func New(a *config.App, wrap func(http.RoundTripper) http.RoundTripper, count func(stream, event, result string), logger *zap.Logger) (*Streams, error) {
	s := &Streams{
		byName: map[string]*stream{}, refused: ratelimit.New(refusedRate), held: retry.Holds[heldKey, struct{}]{Most: maxHeld}, logger: logger,
	}
	for _, c := range a.Signals {
		one, err := compile(a, c, wrap, count)
		if err != nil {
			return nil, fmt.Errorf("signals %q: %w", c.Name, err)
		}
		for _, word := range c.Bare() {
			logger.Warn("a secret stands in the configuration itself; use {env.NAME} or {file./path}", zap.String("signals", c.Name), zap.String("word", word))
		}
		s.byName[c.Name] = one
		if c.Revoke == nil {
			continue
		}
		s.revoking = append(s.revoking, one)
	}
	slices.SortFunc(s.revoking, func(a, b *stream) int { return strings.Compare(a.Name, b.Name) })
	return s, s.checkSecrets()
}

// checkSecrets refuses two streams with the same secret for revocation: it would not say for whose users a request is.
func (s *Streams) checkSecrets() error {
	of := map[string]string{}
	for _, one := range s.revoking {
		secret, err := one.config.RevokeSecret()
		if err != nil {
			return fmt.Errorf("signals %q: %w", one.Name, err)
		}
		if other, twice := of[secret]; twice && secret != "" {
			return fmt.Errorf("signals %q and %q: revoke has the same secret", other, one.Name)
		}
		of[secret] = one.Name
	}
	return nil
}

func compile(a *config.App, c *config.Signals, wrap func(http.RoundTripper) http.RoundTripper, count func(stream, event, result string)) (*stream, error) {
	users, err := c.Users(a)
	if err != nil {
		return nil, err
	}
	if _, err := c.PushSecret(); err != nil {
		return nil, err
	}
	client, err := c.Client(wrap)
	if err != nil {
		return nil, err
	}
	if _, err := c.Credentials(client); err != nil {
		return nil, err
	}
	party := &transmitter.Transmitter{Issuer: c.Issuer, Client: client, Now: time.Now}
	return &stream{config: c, Receiver: &signals.Receiver{
		Name:        c.Name,
		Transmitter: signals.Transmitter{Issuer: c.Issuer, Audience: c.Audience, Keys: party.Keys(), Now: time.Now},
		Provider: signals.Provider{
			Name: users.Called(), Issuer: users.Issuer, ClientID: users.ClientID, Also: []string{c.Issuer},
		},
		Options: c.Choices(), Critical: party.Critical,
		OnReceived: func(name string, event signals.Kind, result signals.Result) {
			count(name, cmp.Or(string(event), "unknown"), string(result))
		},
	}}, nil
}

// Bind sets what carries out events. It is called before the first event.
func (s *Streams) Bind(actor *signals.Actor) { s.actor = actor }

// Has implements access.Events.
func (s *Streams) Has(name string) bool {
	return s != nil && s.byName[name] != nil && s.byName[name].config.Push != nil
}

// Status is the state of a stream since the configuration was loaded.
type Status struct {
	Name     string `json:"name"`
	Issuer   string `json:"issuer"`
	Provider string `json:"provider"`
	// Received counts all events, Acted those that changed something, Refused those that were refused.
	Received uint64 `json:"received"`
	Acted    uint64 `json:"acted"`
	Refused  uint64 `json:"refused"`
	// LastReceived is when the last genuine event arrived, LastEvent what it was.
	LastReceived *time.Time `json:"lastReceived,omitempty"`
	LastEvent    string     `json:"lastEvent,omitempty"`
	// Stated is the status that the transmitter last stated: enabled, paused or disabled.
	Stated string `json:"stated,omitempty"`
}

// Status returns the state of all streams, sorted by name.
func (s *Streams) Status() (all []Status) {
	if s == nil {
		return nil
	}
	for name, one := range s.byName {
		state := one.State()
		status := Status{
			Name: name, Issuer: one.config.Issuer, Provider: one.Provider.Name, Received: state.Received, Acted: state.Acted,
			Refused: state.Refused, LastEvent: state.LastEvent, Stated: state.Status,
		}
		if !state.Last.IsZero() {
			at := state.Last.UTC()
			status.LastReceived = &at
		}
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var _ access.Events = (*Streams)(nil)
