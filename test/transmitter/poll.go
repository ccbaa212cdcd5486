package transmitter

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The client that may poll, and the address of its token endpoint below the origin.
const (
	Client       = "gateway"
	ClientSecret = "a-secret-to-poll-events-xxxxxxxxxxxxx"
	tokenPath    = "/token"
)

// Odd is a way in which a transmitter that is polled does not keep to RFC 8936.
type Odd string

// The ways.
const (
	EndlessMore   Odd = "says for ever that there is more, and has nothing"
	SameForEver   Odd = "sends the same event for ever, acknowledged or not"
	Unauthorized  Odd = "answers 401"
	TooMany       Odd = "answers 429"
	Broken        Odd = "answers 500"
	Oversized     Odd = "sends an answer that is too long"
	WrongType     Odd = "sends another content type"
	NoJSON        Odd = "sends what is no JSON"
	Redirecting   Odd = "redirects to another host"
	HangsUp       Odd = "ends the connection without an answer"
	IgnoresAcks   Odd = "does not read acknowledgements"
	ForgetsTokens Odd = "does not accept its own tokens once"
)

// Odds are all ways.
var Odds = []Odd{EndlessMore, SameForEver, Unauthorized, TooMany, Broken, Oversized, WrongType, NoJSON, Redirecting, HangsUp, IgnoresAcks, ForgetsTokens}

// queue is what waits to be polled. The zero value is ready to use.
type queue struct {
	lock sync.Mutex
	sets map[string]string
	news chan struct{}
	hold time.Duration
	odd  Odd
	// polls counts requests, odds those that were answered in an odd way; tokens counts what the token endpoint gave.
	polls, odds, tokens int
	acked               map[string]int
	refused             map[string]string
	// unanswered: a request that acknowledges something gets no answer, and what it says is forgotten.
	unanswered bool
}

// Hold makes that a poll without events is held open for so long.
func (tr *Transmitter) Hold(d time.Duration) {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	tr.queue.hold = d
}

// Behave makes polls be answered in an odd way; an empty one ends that.
func (tr *Transmitter) Behave(odd Odd) {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	tr.queue.odd, tr.queue.odds = odd, 0
}

// LoseAcks makes that requests that acknowledge something are lost; false ends that.
func (tr *Transmitter) LoseAcks(lose bool) {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	tr.queue.unanswered = lose
}

// Queue puts an event where it is polled, and returns its jti.
func (tr *Transmitter) Queue(token string) (jti string) {
	tr.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var claims struct {
		ID string `json:"jti"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.ID == "" {
		tr.t.Fatal("an event without jti cannot be polled")
	}
	q := &tr.queue
	q.lock.Lock()
	defer q.lock.Unlock()
	if q.sets == nil {
		q.sets = map[string]string{}
	}
	q.sets[claims.ID] = token
	if q.news != nil {
		close(q.news)
		q.news = nil
	}
	return claims.ID
}

// Acked returns how often an event was acknowledged.
func (tr *Transmitter) Acked(jti string) int {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	return tr.queue.acked[jti]
}

// Refused returns the err with which an event was refused; empty if it was not.
func (tr *Transmitter) Refused(jti string) string {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	return tr.queue.refused[jti]
}

// Polls returns how many polls came, how many of them were answered in an odd way, and how many tokens were given.
func (tr *Transmitter) Polls() (all, odd, tokens int) {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	return tr.queue.polls, tr.queue.odds, tr.queue.tokens
}

// PollWords are the words of a block poll for this transmitter.
func (tr *Transmitter) PollWords(every string) string {
	origin := strings.TrimSuffix(tr.Issuer, "/realm")
	return fmt.Sprintf("poll %s/poll {\nclient_credentials %s%s %s %s\nevery %s\n}", origin, origin, tokenPath, Client, ClientSecret, every)
}

// polled answers requests for tokens and events. It reports whether the request is one.
func (tr *Transmitter) polled(w http.ResponseWriter, r *http.Request) bool {
	q := &tr.queue
	switch r.URL.Path {
	case tokenPath:
		id, secret, _ := r.BasicAuth()
		if id != Client || secret != ClientSecret || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		q.lock.Lock()
		defer q.lock.Unlock()
		q.tokens++
		reply(w, http.StatusOK, Map{"access_token": fmt.Sprint("token-", q.tokens), "token_type": "Bearer", "expires_in": 300})
		return true
	case "/poll":
		tr.poll(w, r)
		return true
	}
	return false
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// hasToken reports whether a request has the last token that was given.
func (tr *Transmitter) hasToken(r *http.Request) bool {
	tr.queue.lock.Lock()
	defer tr.queue.lock.Unlock()
	return r.Header.Get("Authorization") == fmt.Sprint("Bearer token-", tr.queue.tokens)
}

func (tr *Transmitter) poll(w http.ResponseWriter, r *http.Request) {
	q := &tr.queue
	var asked struct {
		Most        int                          `json:"maxEvents"`
		Immediately bool                         `json:"returnImmediately"`
		Ack         []string                     `json:"ack"`
		Refused     map[string]map[string]string `json:"setErrs"`
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	if errors.Is(err, io.ErrUnexpectedEOF) { // the gateway ends in the middle of its request
		hangUp(w)
		return
	}
	q.lock.Lock()
	defer q.lock.Unlock()
	q.polls++
	switch {
	case err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		tr.t.Errorf("a poll that is none: %s, %v", r.Method, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	case q.odd != IgnoresAcks && q.unanswered && len(asked.Ack) > 0:
		hangUp(w)
		return
	case q.odd == ForgetsTokens && q.odds == 0:
		q.odds++
		q.tokens++ // the last token is not the last any more
	}
	if r.Header.Get("Authorization") != fmt.Sprint("Bearer token-", q.tokens) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if q.odd != IgnoresAcks && q.odd != SameForEver {
		q.take(asked.Ack, asked.Refused)
	}
	if q.odd != "" && q.odd != IgnoresAcks && q.odd != ForgetsTokens {
		q.odds++
		q.answerOddly(w)
		return
	}
	if len(q.sets) == 0 && q.hold > 0 && !asked.Immediately && !q.wait(r.Context()) {
		return
	}
	sets := map[string]string{}
	for _, jti := range slices.Sorted(maps.Keys(q.sets)) {
		if len(sets) < asked.Most {
			sets[jti] = q.sets[jti]
		}
	}
	if q.odd == IgnoresAcks && len(sets) > 0 {
		q.odds++
	}
	reply(w, http.StatusOK, Map{"sets": sets, "moreAvailable": len(sets) < len(q.sets)})
}

// take notes what became of events. The caller holds the lock.
func (q *queue) take(acked []string, refused map[string]map[string]string) {
	if q.acked == nil {
		q.acked, q.refused = map[string]int{}, map[string]string{}
	}
	for _, jti := range acked {
		q.acked[jti]++
		delete(q.sets, jti)
	}
	for jti, why := range refused {
		q.refused[jti] = why["err"]
		delete(q.sets, jti)
	}
}

// wait waits for an event, without the lock, which the caller holds. It returns false if the caller has gone away.
func (q *queue) wait(ctx context.Context) bool {
	if q.news == nil {
		q.news = make(chan struct{})
	}
	news, hold := q.news, q.hold
	q.lock.Unlock()
	defer q.lock.Lock()
	timer := time.NewTimer(hold)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-news:
	case <-timer.C:
	}
	return true
}

func hangUp(w http.ResponseWriter) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = c.Close()
	}
}

func (q *queue) answerOddly(w http.ResponseWriter) {
	switch q.odd {
	case EndlessMore:
		reply(w, http.StatusOK, Map{"sets": Map{}, "moreAvailable": true})
	case SameForEver:
		reply(w, http.StatusOK, Map{"sets": q.sets, "moreAvailable": true})
	case Unauthorized:
		w.WriteHeader(http.StatusUnauthorized)
	case TooMany:
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusTooManyRequests)
	case Broken:
		w.WriteHeader(http.StatusInternalServerError)
	case Oversized:
		reply(w, http.StatusOK, Map{"sets": Map{"a": strings.Repeat("x", 3<<20)}})
	case WrongType:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`{"sets":{}}`))
	case NoJSON:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`<html>`))
	case Redirecting:
		w.Header().Set("Location", "http://localhost:1/poll")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case HangsUp:
		hangUp(w)
	}
}
