package dpop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Proving adds a proof of Key to each request.
type Proving struct {
	Key    *Key
	Nonces *Nonces
	Next   http.RoundTripper
	Now    func() time.Time
}

// Scheme is the scheme of the header Authorization for a token that is bound to a key, and the type of such a token (RFC
// 9449, section 7.1).
const Scheme = "DPoP"

const (
	header      = "DPoP"
	nonceHeader = "DPoP-Nonce"
	// maxRefusal is the longest answer in which the demand for a nonce is looked for.
	maxRefusal = 64 << 10
	needsNonce = "use_dpop_nonce"
)

// RoundTrip sends a request with a proof. If the server refuses it only because it wants its nonce in the proof, the request
// is sent a second time with it (RFC 9449, sections 8 and 9): the server has not used up a code or token then.
func (t *Proving) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		nonce := t.Nonces.of(origin(r.URL))
		attempt, err := t.attempt(r, try, nonce)
		if err != nil {
			return nil, err
		}
		resp, err := t.Next.RoundTrip(attempt)
		if err != nil {
			return nil, err
		}
		next := resp.Header.Get(nonceHeader)
		t.Nonces.learn(origin(r.URL), next)
		again, err := demandsNonce(resp)
		if err != nil {
			return nil, err
		}
		if !again || next == "" || next == nonce || try == 2 || r.Body != nil && r.GetBody == nil {
			return resp, nil
		}
		_ = resp.Body.Close()
	}
}

func (t *Proving) attempt(r *http.Request, try int, nonce string) (*http.Request, error) {
	out := r.Clone(r.Context())
	if try > 1 && r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, fmt.Errorf("repeating request: %w", err)
		}
		out.Body = body
	}
	token := ""
	if scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, Scheme) {
		token = rest
	}
	// Section 4.2: without query and fragment.
	at := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
	proof, err := t.Key.prove(r.Method, at.String(), token, nonce, t.Now())
	if err != nil {
		return nil, fmt.Errorf("signing dpop proof: %w", err)
	}
	out.Header.Set(header, proof)
	return out, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// demandsNonce reports whether a refusal demands a nonce: at a token endpoint in the body, elsewhere in WWW-Authenticate.
// The body can be read afterwards.
func demandsNonce(resp *http.Response) (bool, error) {
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		for _, challenge := range resp.Header.Values("WWW-Authenticate") {
			if strings.Contains(challenge, `error="`+needsNonce+`"`) {
				return true, nil
			}
		}
	case http.StatusBadRequest:
	default:
		return false, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal+1))
	if err != nil || len(body) > maxRefusal {
		_ = resp.Body.Close()
		return false, errors.Join(errors.New("refusal cannot be read"), err)
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		Error string `json:"error"`
	}
	return json.Unmarshal(body, &said) == nil && said.Error == needsNonce, nil
}

const (
	// maxOrigins is how many servers of one provider nonces are kept for, maxNonce the longest one.
	maxOrigins = 16
	maxNonce   = 1024
)

// Nonces are the last nonces of a provider's servers. The zero value is ready to use. It is safe for concurrent use.
type Nonces struct {
	mu   sync.Mutex
	last map[string]string
}

func (n *Nonces) of(origin string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last[origin]
}

func (n *Nonces) learn(origin, nonce string) {
	if nonce == "" || len(nonce) > maxNonce {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last == nil || len(n.last) >= maxOrigins && n.last[origin] == "" {
		n.last = map[string]string{}
	}
	n.last[origin] = nonce
}
