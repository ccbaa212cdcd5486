package bearer

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
)

// MaxToken is the longest token that is read. Tokens of large organisations, with their groups in them, have some
// kilobytes; most servers refuse a longer header.
const MaxToken = 16 << 10

// The schemes of the header Authorization that carry a token: RFC 6750, section 2.1; RFC 9449, section 7.1; RFC 7617, with a
// token of Latchkey as the password.
const (
	schemeBearer = "Bearer"
	schemeDPoP   = dpop.Scheme
	schemeBasic  = "Basic"
)

// Presented is what a request presents in its header Authorization. The zero value is: no access token.
type Presented struct {
	// Scheme is schemeBearer, schemeDPoP or schemeBasic; empty if the request presents no token.
	Scheme string
	// Token is the token; empty if what stands there cannot be one.
	Token string
	// Repeated: there is more than one header Authorization, so that two readers could read two credentials.
	Repeated bool

	hash digest
	// own: the token claims to be one of Latchkey. id names it; it is zero for a text that cannot be one.
	own bool
	id  session.ID
}

// digest is the hash by which a token is known. The token itself is kept nowhere.
type digest [sha256.Size]byte

// hasher computes digests in memory that is used again. A copy of each token would be a kilobyte for every wrong one.
type hasher struct {
	hash.Hash
	part [512]byte
	sum  digest
}

var hashers = sync.Pool{New: func() any { return &hasher{Hash: sha256.New()} }}

func digestOf(token string) digest {
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	h.Reset()
	for token != "" {
		n := copy(h.part[:], token)
		_, _ = h.Write(h.part[:n]) // a hash takes everything
		token = token[n:]
	}
	h.Sum(h.sum[:0])
	return h.sum
}

// Read returns what a request presents.
func Read(h http.Header) (p Presented) {
	values := h["Authorization"]
	if len(values) == 0 {
		return p
	}
	p.Repeated = len(values) > 1
	scheme, token, _ := strings.Cut(values[0], " ")
	switch {
	case strings.EqualFold(scheme, schemeBearer):
		p.Scheme = schemeBearer
	case strings.EqualFold(scheme, schemeDPoP):
		p.Scheme = schemeDPoP
	case strings.EqualFold(scheme, schemeBasic):
		if token = password(token); !apitoken.IsOurs(token) {
			return p // it is meant for the application
		}
		p.Scheme = schemeBasic
	default:
		return p
	}
	token = strings.Trim(token, " ")
	if p.own = apitoken.IsOurs(token); p.own {
		p.id, _ = apitoken.ID(token)
	}
	if len(token) <= MaxToken && isToken68(token) {
		p.Token, p.hash = token, digestOf(token)
	}
	return p
}

// password returns the password in the credentials of Basic (RFC 7617, section 2). The user name can be any: the token says
// whose it is.
func password(credentials string) string {
	plain, err := base64.StdEncoding.DecodeString(strings.Trim(credentials, " "))
	if err != nil || len(plain) > MaxToken {
		return ""
	}
	_, secret, _ := strings.Cut(string(plain), ":")
	return secret
}

// isToken68 reports whether a text has the form of a token (RFC 9110, section 11.2). Two credentials in one header have
// not.
func isToken68(text string) bool {
	body := strings.TrimRight(text, "=")
	for i := range len(body) {
		c := body[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			continue
		}
		if strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return body != ""
}
