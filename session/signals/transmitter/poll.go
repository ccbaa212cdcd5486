package transmitter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// PollTimeout is how long a transmitter may hold a poll open before it answers.
	PollTimeout = 100 * time.Second
	// maxAnswer is the longest answer to a poll that is read.
	maxAnswer = 512 << 10
	// maxName limits the name of an event in an answer, which is its jti. A longer one is not acknowledged.
	maxName = 1024
)

// The errors of Poll.Ask.
var (
	// ErrTooLong: the answer is longer than we read. Fewer events may fit.
	ErrTooLong = errors.New("the answer to a poll is too long")
	// ErrHeld: there was a connection and no answer within PollTimeout, as at a transmitter that holds a poll open for longer.
	ErrHeld = errors.New("no answer to a poll in time")
)

// PauseError is an error with the pause that the transmitter requests (Retry-After).
type PauseError struct {
	Err   error
	Pause time.Duration
}

func (e *PauseError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *PauseError) Unwrap() error { return e.Err }

// Poll is an endpoint at which a transmitter has events (RFC 8936).
type Poll struct {
	URL string
	// Client adds the credentials. It must limit the time of an answer to PollTimeout, and follow no redirect.
	Client *http.Client
	Now    func() time.Time
}

// PollRequest is a request for events, and what became of the earlier ones.
type PollRequest struct {
	// Most is the largest number of events in the answer.
	Most int `json:"maxEvents"`
	// Immediately: the transmitter does not wait for events if it has none.
	Immediately bool `json:"returnImmediately"`
	// Ack are the events, by jti, that the transmitter need not send again, Refused those that are refused.
	Ack     []string           `json:"ack,omitempty"`
	Refused map[string]Refusal `json:"setErrs,omitempty"`
}

// Refusal is why an event is refused (RFC 8936, section 2.6).
type Refusal struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// PollAnswer is the answer to a poll.
type PollAnswer struct {
	// Sets are the events by the name that the transmitter gives each, which should be its jti. A value that is not a
	// string is empty.
	Sets map[string]string
	// More: the transmitter has further events.
	More bool
	// Unnamed is the number of events without a usable name, which cannot be acknowledged.
	Unnamed int
}

// Ask sends a request. The error of an answer that is not a success is an *AnswerError.
func (p *Poll) Ask(ctx context.Context, q PollRequest) (*PollAnswer, error) {
	sent, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(sent))
	if err != nil {
		return nil, errors.New("the address of the poll is not a URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := p.Client.Do(req)
	if err != nil {
		return nil, pollError(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return &PollAnswer{}, nil
	case resp.StatusCode != http.StatusOK:
		refused := &AnswerError{resp.StatusCode, said(body)}
		if pause := oidc.RetryAfter(resp.Header.Get("Retry-After"), p.Now()); pause > 0 {
			return nil, &PauseError{refused, pause}
		}
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("reading the answer to a poll: %w", oidc.Truncated(err))
	case len(body) > maxAnswer:
		return nil, ErrTooLong
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("the answer to a poll is not application/json")
	}
	return readPoll(body)
}

func readPoll(body []byte) (*PollAnswer, error) {
	var raw struct {
		Sets map[string]json.RawMessage `json:"sets"`
		More bool                       `json:"moreAvailable"`
	}
	// An empty object, or null, has no events.
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, errors.New("the answer to a poll is not readable")
	}
	a := &PollAnswer{Sets: make(map[string]string, len(raw.Sets)), More: raw.More}
	for name, value := range raw.Sets {
		if name == "" || len(name) > maxName {
			a.Unnamed++
			continue
		}
		var set string
		_ = json.Unmarshal(value, &set)
		a.Sets[name] = set
	}
	return a, nil
}

// pollError returns an error without the address, which may have a secret in its query.
func pollError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var at *url.Error
	if errors.As(err, &at) {
		if at.Timeout() && !errors.Is(err, ErrCredentials) {
			return ErrHeld
		}
		err = at.Err
	}
	return oidc.Truncated(err)
}
