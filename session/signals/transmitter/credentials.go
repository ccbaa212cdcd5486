package transmitter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

const (
	// maxAccessToken is the longest token that is sent: it is a header of each request.
	maxAccessToken = 16 << 10
	// tokenLasts is how long a token is used if the server does not state how long it is valid. renewBefore is how long
	// before its end a token is not used any more, but at most a tenth of its life.
	tokenLasts  = time.Minute
	renewBefore = 30 * time.Second
)

// Credentials are what requests to a transmitter are authenticated with: a fixed secret, or tokens of an authorization
// server that the grant client_credentials yields (RFC 6749, section 4.4). They are safe for concurrent use.
type Credentials struct {
	// Secret returns the secret that is sent as bearer token, if it is a fixed one. It is called for each request, so that
	// a secret that has changed needs no reload. If it is nil, the other fields apply.
	Secret func() (string, error)
	// TokenURL is the token endpoint. The client authenticates with ClientID and the result of ClientSecret in the header.
	TokenURL, ClientID string
	ClientSecret       func() (string, error)
	// Scopes are what is requested; none leaves it to the server.
	Scopes []string
	// Client sends requests to TokenURL. It must follow no redirect and limit time and size of an answer.
	Client *http.Client
	Now    func() time.Time

	lock  sync.Mutex
	token string
	until time.Time
	// asking is closed when a request for a token that is under way has ended; nil if there is none.
	asking chan struct{}
}

// Authenticated returns a client like c whose requests carry the credentials. It follows no redirect, so that they
// never reach another host.
func (c *Credentials) Authenticated(client *http.Client) *http.Client {
	with := *client
	with.Transport = authenticated{c, client.Transport}
	with.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("transmitter: a redirect is not followed")
	}
	return &with
}

// ErrCredentials: there are no credentials for a request, so it was not sent.
var ErrCredentials = errors.New("credentials for the transmitter")

type authenticated struct {
	*Credentials
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper. A token that is refused although its life is not over is fetched again, once.
func (a authenticated) RoundTrip(r *http.Request) (*http.Response, error) {
	token, cached, err := a.get(r.Context(), "")
	if err != nil {
		closeBody(r)
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	resp, err := a.next.RoundTrip(with(r, token, r.Body))
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !cached || r.Body != nil && r.GetBody == nil {
		return resp, err
	}
	fresh, _, err := a.get(r.Context(), token)
	if err != nil {
		return resp, nil //nolint:nilerr // the caller gets the first answer
	}
	body := io.ReadCloser(nil)
	if r.GetBody != nil {
		if body, err = r.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // as above
		}
	}
	_ = resp.Body.Close()
	return a.next.RoundTrip(with(r, fresh, body))
}

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections calls; wrapped transports do not
// pass it on.
func (a authenticated) CloseIdleConnections() {
	if c, ok := a.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

func with(r *http.Request, token string, body io.ReadCloser) *http.Request {
	out := r.Clone(r.Context())
	out.Body = body
	out.Header.Set("Authorization", "Bearer "+token)
	return out
}

// get returns what to send, and whether it is a token of an earlier request. A token that was refused is not returned
// again. Only one request for a token is under way at a time.
func (c *Credentials) get(ctx context.Context, refused string) (token string, cached bool, err error) {
	if c.Secret != nil {
		token, err = c.Secret()
		return token, false, err
	}
	for {
		c.lock.Lock()
		if c.token != "" && c.token != refused && c.Now().Before(c.until) {
			defer c.lock.Unlock()
			return c.token, true, nil
		}
		asking := c.asking
		if asking == nil {
			asking = make(chan struct{})
			c.asking = asking
			c.lock.Unlock()
			token, err = c.fetch(ctx, asking)
			return token, false, err
		}
		c.lock.Unlock()
		select {
		case <-asking:
		case <-ctx.Done():
			return "", false, ctx.Err()
		}
	}
}

// fetch requests a token and keeps it.
func (c *Credentials) fetch(ctx context.Context, asking chan struct{}) (string, error) {
	token, lasts, err := c.ask(ctx)
	c.lock.Lock()
	defer c.lock.Unlock()
	c.asking, c.token = nil, token
	c.until = c.Now().Add(lasts - min(renewBefore, lasts/10))
	close(asking)
	return token, err
}

func (c *Credentials) ask(ctx context.Context) (token string, lasts time.Duration, err error) {
	secret, err := c.ClientSecret()
	if err != nil {
		return "", 0, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	got, err := grant.Ask(ctx, grant.Request{Client: c.Client, Endpoint: c.TokenURL, ClientID: c.ClientID, ClientSecret: secret, Form: form})
	switch {
	case err != nil:
		return "", 0, fmt.Errorf("token endpoint: %w", err)
	case !got.Bearer() || len(got.Access) > maxAccessToken || !isToken(got.Access):
		return "", 0, errors.New("token endpoint: the answer has no usable bearer token")
	case got.Lasts <= 0:
		return got.Access, tokenLasts, nil
	}
	return got.Access, got.Lasts, nil
}

// isToken reports whether a header can carry the token (RFC 6750, section 2.1).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
