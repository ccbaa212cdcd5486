package attend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Nothing goes on once an attendant is stopped.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type dict = map[string]any

const (
	issuer   = "https://hub.example.com"
	audience = "https://gateway.example.com"
	ssf      = "https://schemas.openid.net/secevent/ssf/event-type/"
	disabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
)

// asked is a poll that the transmitter got.
type asked struct {
	At time.Time
	transmitter.PollRequest
}

// party is a transmitter. It has no network, so that it can be in a bubble of synctest.
type party struct {
	t  *testing.T
	mu sync.Mutex
	// queue are the events that are not acknowledged, by jti. news is closed and replaced when one is added.
	queue map[string]string
	news  chan struct{}
	// hold is how long a poll without events is held open.
	hold time.Duration
	// instead answers polls; nil: as RFC 8936 says. It gets the number of the poll.
	instead func(n int, r *http.Request) *http.Response
	polls   []asked
	acked   []string
	refused map[string]transmitter.Refusal

	stream         transmitter.Stream
	status, reason string
	// mute: verifications that are asked for never arrive. twisted: they arrive with another state.
	mute, twisted bool
	// down: requests about the stream are answered 503.
	down bool
	// push takes verifications in place of the queue.
	push     func(token string)
	managed  []time.Time
	verified []time.Time
	metadata dict
}

func newParty(t *testing.T) *party {
	return &party{
		t: t, queue: map[string]string{}, news: make(chan struct{}), refused: map[string]transmitter.Refusal{}, status: transmitter.Enabled,
		stream: transmitter.Stream{ID: "s1", Audience: transmitter.Audience{audience}},
		metadata: dict{
			"issuer": issuer, "jwks_uri": issuer + "/keys", "configuration_endpoint": issuer + "/stream", "status_endpoint": issuer + "/status",
			"verification_endpoint": issuer + "/verify",
		},
	}
}

func answer(status int, body any, header ...string) *http.Response {
	raw, is := body.(string)
	if !is {
		data, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		raw = string(data)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(raw))}
}

// RoundTrip implements http.RoundTripper.
func (p *party) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	switch r.URL.Path {
	case "/poll":
		return p.poll(r, body)
	case "/.well-known/ssf-configuration":
		return answer(200, p.metadata), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.managed = append(p.managed, time.Now())
	switch {
	case p.down:
		return answer(503, "{}"), nil
	case r.URL.Path == "/stream":
		return answer(200, []transmitter.Stream{p.stream}), nil
	case r.URL.Path == "/status":
		return answer(200, transmitter.Status{Stream: p.stream.ID, Status: p.status, Reason: p.reason}), nil
	case r.URL.Path == "/verify":
		p.verified = append(p.verified, time.Now())
		var q struct{ State string }
		_ = json.Unmarshal(body, &q)
		if p.twisted {
			q.State += "x"
		}
		if !p.mute {
			token := p.token("v"+q.State, ssf+"verification", dict{"state": q.State})
			if p.push != nil {
				go p.push(token)
			} else {
				p.add("v"+q.State, token)
			}
		}
		return answer(204, ""), nil
	}
	return answer(404, "{}"), nil
}

func (p *party) poll(r *http.Request, body []byte) (*http.Response, error) {
	var q transmitter.PollRequest
	if err := json.Unmarshal(body, &q); err != nil || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
		p.t.Errorf("poll: %s %v", body, err)
	}
	p.mu.Lock()
	p.polls = append(p.polls, asked{time.Now(), q})
	n, instead := len(p.polls), p.instead
	p.mu.Unlock()
	if instead != nil {
		return instead(n, r), nil
	}
	p.mu.Lock()
	for _, jti := range q.Ack {
		delete(p.queue, jti)
	}
	p.acked = append(p.acked, q.Ack...)
	for jti, why := range q.Refused {
		delete(p.queue, jti)
		p.refused[jti] = why
	}
	if len(p.queue) == 0 && p.hold > 0 && !q.Immediately {
		news, hold := p.news, p.hold
		p.mu.Unlock()
		select {
		case <-news:
		case <-time.After(hold):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	sets := map[string]string{}
	for _, jti := range slices.Sorted(maps.Keys(p.queue)) {
		if len(sets) < q.Most {
			sets[jti] = p.queue[jti]
		}
	}
	return answer(200, dict{"sets": sets, "moreAvailable": len(sets) < len(p.queue)}), nil
}

// token is an event; the keys of this test take any signature.
func (p *party) token(jti, event string, body dict) string {
	return p.tokenOf(dict{
		"iss": issuer, "aud": audience, "iat": time.Now().Unix(), "jti": jti, "events": dict{event: body},
		"sub_id": dict{"format": "iss_sub", "iss": issuer, "sub": "ada"},
	})
}

func (p *party) tokenOf(claims dict) string {
	raw, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"typ":"secevent+jwt","alg":"ES256"}`)) + "." + b64(raw) + "." + b64([]byte("signature"))
}

// add puts an event into the queue. The caller holds the lock.
func (p *party) add(jti, token string) {
	p.queue[jti] = token
	close(p.news)
	p.news = make(chan struct{})
}

// send puts an event into the queue that disables the account of ada.
func (p *party) send(jti string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(jti, p.token(jti, disabled, dict{}))
}

// set changes the transmitter.
func (p *party) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *party) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.polls)
}

// times are when requests of a kind came.
func (p *party) times(of *[]time.Time) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(*of)
}

func (p *party) hasAcked(jti ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range jti {
		if !slices.Contains(p.acked, one) {
			return false
		}
	}
	return true
}

type keys struct{}

func (keys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
}

// replica is one gateway that attends to the stream.
type replica struct {
	*Attendant
	*signals.Receiver
	store   *storetest.Interrupted
	logs    *observer.ObservedLogs
	results tally[string]
	carried tally[signals.Result]
}

// tally counts what several goroutines report.
type tally[K comparable] struct {
	mu sync.Mutex
	by map[K]int
}

func (t *tally[K]) add(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[K]int{}
	}
	t.by[key]++
}

func (t *tally[K]) of(key K) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.by[key]
}

// world are gateways over one store.
type world struct {
	*party
	t     *testing.T
	store session.Store
}

// inBubble runs a test with a clock that jumps.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&world{party: newParty(t), t: t, store: storetest.NewMemory(time.Now)})
	})
}

type choices struct{ poll, manage bool }

func (w *world) start(c choices) *replica {
	r := &replica{store: &storetest.Interrupted{Store: w.store}}
	ring := keyringtest.Ring(w.t, 'k')
	manager := session.NewManager(session.ManagerConfig{Store: r.store, Keys: ring})
	w.t.Cleanup(manager.Close)
	var core zapcore.Core
	core, r.logs = observer.New(zapcore.InfoLevel)
	env := access.NewEnvironment(access.Config{Sessions: manager, Store: r.store, Keys: ring, Log: signinlog.Sinks{}, Logger: zap.New(core)})
	r.Receiver = &signals.Receiver{
		Name: "hub", Provider: signals.Provider{Name: "main", Issuer: issuer, ClientID: "latchkey"},
		Transmitter: signals.Transmitter{Issuer: issuer, Audience: []string{audience}, Keys: keys{}, Now: time.Now},
		OnReceived:  func(_ string, _ signals.Kind, result signals.Result) { r.carried.add(result) },
	}
	config := Config{
		Receiver: r.Receiver, Actor: &signals.Actor{Environment: env, Recorder: &access.Recorder{Environment: env}},
		OnPoll: func(_, result string) { r.results.add(result) },
	}
	client := &http.Client{Transport: w.party, Timeout: transmitter.PollTimeout}
	if c.poll {
		config.Poll, config.Every = &transmitter.Poll{URL: issuer + "/poll", Client: client, Now: time.Now}, 30*time.Second
	}
	if c.manage {
		config.Manager = &transmitter.Manager{Transmitter: &transmitter.Transmitter{Issuer: issuer, Client: client, Now: time.Now}, Client: client}
	}
	r.Attendant = Start(config)
	w.t.Cleanup(r.Stop)
	return r
}

// die makes that a replica can do nothing any more.
func (r *replica) die() {
	r.store.Interrupt(func(context.Context, string, session.Key) error { return session.ErrUnavailable })
	r.cancel()
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d) // in a bubble: the clock jumps
	synctest.Wait()
}

func (r *replica) logged(message string) int { return r.logs.FilterMessage(message).Len() }
