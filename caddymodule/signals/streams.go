package signals

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/attend"
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
	said  retry.Seldom
	count Counters
}

type heldKey struct {
	from netip.Addr
	name string
}

type stream struct {
	*signals.Receiver
	config *config.Signals
	// poll and manager are nil where they are not configured. attendant is nil until Start.
	poll      *transmitter.Poll
	manager   *transmitter.Manager
	attendant *attend.Attendant
	// said and failed limit what is logged about refused events, and about those that could not be carried out.
	said, failed retry.Seldom
}

// Counters are called for what happens. They must not block.
type Counters struct {
	// Event is called for each event with what came of it, Poll for each poll.
	Event func(stream, event, result string)
	Poll  func(stream, result string)
}

// New makes the streams of a configuration whose placeholders are replaced and which is checked. It makes no network
// connection.
func New(a *config.App, wrap func(http.RoundTripper) http.RoundTripper, count Counters, logger *zap.Logger) (*Streams, error) {
	s := &Streams{
		byName: map[string]*stream{}, refused: ratelimit.New(refusedRate), held: retry.Holds[heldKey, struct{}]{Most: maxHeld}, logger: logger,
		count: count,
	}
	for _, c := range a.Signals {
		one, err := s.compile(a, c, wrap)
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

func (s *Streams) compile(a *config.App, c *config.Signals, wrap func(http.RoundTripper) http.RoundTripper) (*stream, error) {
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
	party := &transmitter.Transmitter{Issuer: c.Issuer, Client: client, Now: time.Now}
	one := &stream{config: c, Receiver: &signals.Receiver{
		Name:        c.Name,
		Transmitter: signals.Transmitter{Issuer: c.Issuer, Audience: c.Audience, Keys: party.Keys(), Now: time.Now},
		Provider: signals.Provider{
			Name: users.Called(), Issuer: users.Issuer, ClientID: users.ClientID, Also: []string{c.Issuer},
		},
		Options: c.Choices(), Critical: party.Critical,
		OnReceived: func(name string, event signals.Kind, result signals.Result) {
			s.count.Event(name, cmp.Or(string(event), "unknown"), string(result))
		},
	}}
	return one, one.reach(party, wrap)
}

// reach makes what sends requests to the transmitter, for polls and about the stream itself. Both use the same token if they
// have the same credentials.
func (one *stream) reach(party *transmitter.Transmitter, wrap func(http.RoundTripper) http.RoundTripper) error {
	credentials, err := one.config.Credentials(party.Client)
	if err != nil {
		return err
	}
	if credentials != nil {
		one.manager = &transmitter.Manager{Transmitter: party, Client: credentials.Authenticated(party.Client)}
	}
	if one.config.Poll == nil {
		return nil
	}
	if one.config.Manage != nil {
		if credentials, err = one.config.PollCredentials(party.Client); err != nil {
			return err
		}
	}
	patient, err := one.config.PollClient(wrap)
	if err != nil {
		return err
	}
	one.poll = &transmitter.Poll{URL: one.config.Poll.URL, Client: credentials.Authenticated(patient), Now: time.Now}
	return nil
}

// Start begins to poll, and to attend to the streams. actor carries out their events. It is called once, before the first
// event.
func (s *Streams) Start(actor *signals.Actor) {
	s.actor = actor
	for _, one := range s.byName {
		if one.config.Push == nil && one.config.Poll == nil {
			continue // it has no events
		}
		one.attendant = attend.Start(attend.Config{
			Receiver: one.Receiver, Actor: actor, Poll: one.poll, Every: one.config.PollEvery(), Manager: one.manager, OnPoll: s.count.Poll,
		})
	}
}

// Stop ends that. Events can still be pushed. It may be called again.
func (s *Streams) Stop() {
	if s == nil {
		return
	}
	var all sync.WaitGroup
	for _, one := range s.byName {
		if one.attendant != nil {
			all.Go(one.attendant.Stop)
		}
	}
	all.Wait()
}

// Has implements access.Events.
func (s *Streams) Has(name string) bool {
	return s != nil && s.byName[name] != nil && s.byName[name].config.Push != nil
}

// Imagine returns a report that a stream might make now, without event and subject. An empty name is the only stream.
func (s *Streams) Imagine(name string, now time.Time) (*signals.Report, error) {
	var names []string
	for one := range s.byName {
		names = append(names, one)
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return nil, errors.New("the configuration has no signals")
	case name == "" && len(names) > 1:
		return nil, fmt.Errorf("there are several streams: name one of %s", strings.Join(names, ", "))
	case name == "":
		name = names[0]
	case s.byName[name] == nil:
		return nil, fmt.Errorf("no signals %q%s", name, config.Suggest(name, names))
	}
	one := s.byName[name]
	return &signals.Report{At: now, Provider: one.Provider, Options: one.Options, By: access.BySignal, From: name}, nil
}

var _ access.Events = (*Streams)(nil)
