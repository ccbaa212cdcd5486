package attend

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// mostEvents is how many events one answer may have. Further ones are left to the next answer.
	mostEvents = 100
	// eventTimeout is the timeout of one event, including the keys of the transmitter and all sessions of a user.
	eventTimeout = 20 * time.Second
	// shortest is the shortest time between the end of one poll and the beginning of the next.
	shortest = 100 * time.Millisecond
	// heldOpen is how long an empty answer must have taken to be that of a transmitter that waits for events. It is asked
	// again at once.
	heldOpen = 5 * time.Second
	// maxPause is the longest pause that a transmitter can request by one answer.
	maxPause = 15 * time.Minute
	// manyStalled is after how many polls in a row without a new event that is said.
	manyStalled = 3
	// failedInARow is after how many events in a row that failed the rest of an answer is left.
	failedInARow = 3
	// maxHandled is of how many events it is remembered that they were acknowledged or refused.
	maxHandled = 4096
)

// failing is how long to wait after polls that failed or brought nothing new.
var failing = retry.Backoff{First: time.Second, Longest: time.Minute}

// polled is what State says of the polls.
type polled struct {
	polling bool
	at      time.Time
	err     string
}

// poller polls while this replica attends to the stream.
type poller struct {
	*Attendant
	// acks and refused tell the transmitter, in the next request, what became of events.
	acks    []string
	refused map[string]transmitter.Refusal
	// most is how many events are asked for: fewer after an answer that was too long.
	most int
	// failures is how many polls in a row have failed or brought nothing new.
	failures int
	handled  handled
	// saidRefused and saidFailed limit what is logged. trouble: the log says that polls fail.
	saidRefused, saidFailed retry.Seldom
	trouble                 bool
}

func newPoller(a *Attendant) *poller { return &poller{Attendant: a, most: mostEvents} }

func (p *poller) run(ctx context.Context) {
	p.set(func(s *polled) { s.polling = true })
	defer p.set(func(s *polled) { *s = polled{at: s.at} })
	p.logger.Info("this server asks the transmitter for events")
	for wait := time.Duration(0); retry.Sleep(ctx, wait); {
		wait = p.poll(ctx)
	}
}

func (p *poller) set(change func(*polled)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.polled)
}

// poll asks once, carries out what comes, and returns how long to wait before the next time.
func (p *poller) poll(ctx context.Context) time.Duration {
	began := time.Now()
	answer, err := p.Poll.Ask(ctx, transmitter.PollRequest{Most: p.most, Ack: p.acks, Refused: p.refused})
	took := time.Since(began)
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		return p.unanswered(err, took)
	}
	p.acks, p.refused = nil, nil // they have arrived
	accepted, err := p.take(ctx, answer)
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		if accepted > 0 {
			p.failures = 0
		}
		return p.failed(fmt.Errorf("events not carried out, the transmitter will send them again: %w", err))
	case accepted > 0:
		p.most = min(2*p.most, mostEvents)
		p.succeeded()
		return shortest
	case len(answer.Sets)+answer.Unnamed > 0 || answer.More:
		return p.stalled()
	}
	p.succeeded()
	if took >= heldOpen {
		return shortest
	}
	return max(jitter(p.Every)-took, shortest)
}

// take carries out the events of an answer, and returns how many were accepted that were not accepted before. The error is
// the first one that is no refusal. An event that fails is not acknowledged, so it comes again. After failedInARow such events
// the store or the keys are most likely the reason, and the rest is left. The next answer is begun at another event, so that
// events which always fail do not hold up the others for ever.
func (p *poller) take(ctx context.Context, answer *transmitter.PollAnswer) (accepted int, failed error) {
	names := slices.Sorted(maps.Keys(answer.Sets))
	names = names[:min(len(names), mostEvents)]
	if n := len(names); n > 0 {
		first := p.failures * failedInARow % n
		names = slices.Concat(names[first:], names[:first])
	}
	inARow := 0
	for _, name := range names {
		err := p.receive(ctx, answer.Sets[name])
		var refused *signals.Refused
		switch {
		case err == nil:
			p.acks = append(p.acks, name)
			if p.handled.add(name) {
				accepted++
			}
		case errors.As(err, &refused):
			if p.refused == nil {
				p.refused = map[string]transmitter.Refusal{}
			}
			p.refused[name] = transmitter.Refusal{Err: string(refused.Code), Description: refused.Description}
			if p.saidRefused.Now(p.Actor.Now(), time.Minute) {
				p.logger.Warn("event refused", zap.String("err", string(refused.Code)), zap.String("reason", refused.Description))
			}
		case errors.Is(err, signals.ErrBusy), errors.Is(err, signals.ErrUnknownKey): // it comes again
		default:
			if failed == nil {
				failed = err
			}
			if inARow++; inARow == failedInARow || ctx.Err() != nil {
				return accepted, failed
			}
			continue
		}
		inARow = 0
	}
	return accepted, failed
}

// receive turns a panic into an error: what is received here has no request whose server would recover from it.
func (p *poller) receive(ctx context.Context, token string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	return p.Receiver.Receive(ctx, p.Actor, token)
}

// unanswered is after a poll without a usable answer.
func (p *poller) unanswered(err error, took time.Duration) time.Duration {
	var status int
	if answer := new(transmitter.AnswerError); errors.As(err, &answer) {
		status = answer.Status
	}
	switch {
	// The transmitter, or a proxy in front of it, waited for events and gave up.
	case errors.Is(err, transmitter.ErrHeld) && took >= transmitter.PollTimeout/2,
		(status == http.StatusGatewayTimeout || status == http.StatusRequestTimeout) && took >= heldOpen:
		return shortest
	case errors.Is(err, transmitter.ErrTooLong):
		p.acks, p.refused = nil, nil
		if p.most > 1 {
			p.most /= 2
			return shortest
		}
	case status >= 400 && status < 500 && status != http.StatusUnauthorized && status != http.StatusTooManyRequests:
		// The request may be refused for what it says of earlier events. They come again.
		p.acks, p.refused = nil, nil
	}
	return p.failed(err)
}

func (p *poller) failed(err error) time.Duration {
	p.failures++
	wait := jitter(failing.After(p.failures))
	if pause := new(transmitter.PauseError); errors.As(err, &pause) {
		wait = max(wait, min(pause.Pause, maxPause))
	}
	err = oidc.Truncated(err)
	p.set(func(s *polled) { s.err = err.Error() })
	p.count("failed")
	if p.saidFailed.Now(p.Actor.Now(), seldom) {
		p.trouble = true
		p.logger.Warn("asking the transmitter for events failed, will retry", zap.Error(err), zap.Int("failures", p.failures), zap.Duration("wait", wait))
	}
	return wait
}

// stalled is after an answer that has only events that are known already or refused, or that says that there are more
// events but has none.
func (p *poller) stalled() time.Duration {
	p.failures++
	p.count("repeated")
	var text string
	if p.failures >= manyStalled {
		text = "the transmitter says that it has events, and sends only some that were acknowledged or refused before"
		if p.saidFailed.Now(p.Actor.Now(), seldom) {
			p.trouble = true
			p.logger.Warn(text, zap.Int("times", p.failures))
		}
	}
	p.set(func(s *polled) { s.at, s.err = p.Actor.Now(), text })
	return jitter(failing.After(p.failures))
}

func (p *poller) succeeded() {
	if p.trouble {
		p.logger.Info("the transmitter answers again")
	}
	p.failures, p.trouble = 0, false
	p.count("ok")
	p.set(func(s *polled) { s.at, s.err = p.Actor.Now(), "" })
}

func (p *poller) count(result string) {
	if p.OnPoll != nil {
		p.OnPoll(p.Receiver.Name, result)
	}
}

// handled remembers events, by name.
type handled struct {
	known map[[16]byte]bool
	order [][16]byte
}

// add returns false if the event is known.
func (h *handled) add(name string) bool {
	sum := sha256.Sum256([]byte(name))
	key := [16]byte(sum[:16])
	if h.known[key] {
		return false
	}
	if h.known == nil {
		h.known = map[[16]byte]bool{}
	}
	if len(h.order) >= maxHandled {
		delete(h.known, h.order[0])
		h.order = h.order[1:]
	}
	h.known[key] = true
	h.order = append(h.order, key)
	return true
}
