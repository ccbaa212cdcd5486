package grant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Request is one request to a token endpoint, or to another endpoint at which the client authenticates in the same way.
type Request struct {
	// Client sends it. It should limit time and body size, and follow no redirect.
	Client *http.Client
	// Endpoint is the address of the endpoint.
	Endpoint string
	// ClientID and ClientSecret authenticate the client. Without a secret the ID is in the form (RFC 6749, section
	// 3.2.1).
	ClientID, ClientSecret string
	// SecretInForm sends the secret in the form instead of the header (client_secret_post).
	SecretInForm bool
	// Form is the grant: grant_type and its parameters, or the parameters of an authorization request.
	Form url.Values
}

// Tokens is the unchanged answer of a token endpoint. A field is empty if it is absent or not a string.
type Tokens struct {
	Access, Type, Refresh, ID string
	// Lasts is how long the access token is valid, as the provider states it; 0 if it states no usable number.
	Lasts time.Duration
	// Issued is the type of what was issued (RFC 8693): a URN, in an answer to a token exchange.
	Issued string
}

// Bearer reports whether the access token is a bearer token, the only type that we can use. The type is compared
// without regard to case (RFC 6749, section 7.1; OpenID Connect Core, section 3.1.3.3).
func (t *Tokens) Bearer() bool { return t.Access != "" && strings.EqualFold(t.Type, "Bearer") }

// Ask sends a request. Any answer without tokens is an *Error.
func Ask(ctx context.Context, q Request) (*Tokens, error) {
	a, err := post(ctx, q)
	if err != nil {
		return nil, err
	}
	return readTokens(a.status, a.body, a.secrets)
}

// answer is an answer with status 2xx. secrets are those that the request contained.
type answer struct {
	status  int
	body    []byte
	secrets []string
}

// post sends a form with the authentication of the client. An answer with another status than 2xx is an *Error.
func post(ctx context.Context, q Request) (*answer, error) {
	form := url.Values{}
	for name, values := range q.Form {
		form[name] = values
	}
	inHeader := q.ClientSecret != "" && !q.SecretInForm
	if !inHeader {
		form.Set("client_id", q.ClientID)
		if q.ClientSecret != "" {
			form.Set("client_secret", q.ClientSecret)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, &Error{Kind: Unreadable, cause: errors.New("endpoint is no address")}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if inHeader {
		// RFC 6749, section 2.3.1: both are form-encoded first.
		r.SetBasicAuth(url.QueryEscape(q.ClientID), url.QueryEscape(q.ClientSecret))
	}
	resp, err := q.Client.Do(r)
	if err != nil {
		return nil, noAnswer(err)
	}
	defer resp.Body.Close()
	body, err := readAll(resp)
	if err != nil {
		if isTimeout(err) || ctx.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*net.OpError)) {
			return nil, &Error{Kind: Down, Silent: isTimeout(err) || ctx.Err() != nil, cause: cut(err)}
		}
		return nil, &Error{Kind: Unreadable, Status: resp.StatusCode, cause: cut(err)}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, refusal(resp.StatusCode, body, secretsOf(form, q.ClientSecret))
	}
	return &answer{resp.StatusCode, body, secretsOf(form, q.ClientSecret)}, nil
}

// maxExpected is the longest answer for which there is room before it is read.
const maxExpected = 16 << 10

// readAll reads a body whose length is most often known.
func readAll(resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(int(min(max(resp.ContentLength, 0), maxExpected)) + bytes.MinRead)
	_, err := body.ReadFrom(resp.Body)
	return body.Bytes(), err
}

// readTokens reads an answer with status 2xx. Some providers refuse with such a status, so an error code counts as a
// refusal.
func readTokens(status int, body []byte, secrets []string) (*Tokens, error) {
	said, err := claim.Parse(body)
	if err != nil || said == nil {
		return nil, &Error{Kind: Unreadable, Status: status, cause: errors.New("answer is no JSON object")}
	}
	t := &Tokens{
		Access: text(said["access_token"]), Type: text(said["token_type"]),
		Refresh: text(said["refresh_token"]), ID: text(said["id_token"]),
	}
	if *t == (Tokens{}) || t.Access == "" && said["error"] != nil {
		if said["error"] != nil {
			return nil, refusal(http.StatusBadRequest, body, secrets)
		}
		return nil, &Error{Kind: Unreadable, Status: status, cause: errors.New("answer holds no token")}
	}
	t.Lasts, t.Issued = seconds(said["expires_in"]), text(said["issued_token_type"])
	return t, nil
}

// maxLasts limits how long a token is taken to be valid.
const maxLasts = 365 * 24 * time.Hour

// seconds reads a number of seconds, which some providers write as a string.
func seconds(raw json.RawMessage) time.Duration {
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(n > 0 && n <= maxLasts.Seconds()) {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

func text(raw json.RawMessage) string {
	s, _ := claim.ParseString(raw)
	return s
}

// noAnswer distinguishes network errors from refusals of our own client.
func noAnswer(err error) *Error {
	var transport *url.Error
	if errors.As(err, &transport) {
		err = transport.Err // without the address
	}
	var refused interface{ Unanswerable() bool }
	if errors.As(err, &refused) && refused.Unanswerable() {
		return &Error{Kind: Unreadable, cause: cut(err)}
	}
	var op *net.OpError
	return &Error{
		Kind: Down, NotSent: errors.As(err, &op) && op.Op == "dial" && !op.Timeout(),
		Silent: isTimeout(err), cause: cut(err),
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// maxCause is the longest part of a cause in a log line.
const maxCause = 300

type short struct{ error }

func (s short) Error() string {
	if text := s.error.Error(); len(text) > maxCause {
		return text[:maxCause] + "..."
	}
	return s.error.Error()
}

func (s short) Unwrap() error { return s.error }

func cut(err error) error { return short{fmt.Errorf("%w", err)} }
