package guess

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// A kind is what arrives beside the requests of users.
type kind struct {
	name string
	// gateway gets it; wrong, or refused by plain Caddy: it is answered 401 or 429, else 200.
	gateway *rig.Gateway
	wrong   bool
	refused bool
	// requests are made by Latchkey's rig. None: nothing arrives, which shows how far two turns differ without a cause.
	requests func(host string) ([][]byte, error)
}

// again is how many seconds lie between two requests with the same wrong token: more than it is remembered.
const again = 5

// gateways are those that kinds of requests are sent to: the site, plain Caddy that passes them on, plain Caddy that refuses them, a site
// without Latchkey in the process of the first that refuses them, and a program that does nothing but that.
type gateways struct{ site, plain, refusing, within, floor *rig.Gateway }

// kinds are all of them. Those that are not wrong show what as many requests cost that no one objects to.
func kinds(ctx context.Context, r *rig.Rig, redis *rig.Redis, o Options, at gateways, people []rig.Person) []kind {
	n := again * o.Guesses
	personal := func(redis *rig.Redis) func(string) ([][]byte, error) {
		return func(host string) ([][]byte, error) {
			made, err := r.OwnPrograms(ctx, redis, n, apitoken.Draft{Name: "guess", App: "another"})
			if err != nil {
				return nil, err
			}
			return asRequests(made, func(p rig.Person) []byte { return basicRequest(host, p.Token) }), nil
		}
	}
	browsers := func(host string) ([][]byte, error) {
		return asRequests(people, func(p rig.Person) []byte { return rig.BrowserRequest(host, p.Cookies) }), nil
	}
	refused := func(host string) ([][]byte, error) {
		return texts(n, func() []byte { return rig.ProgramRequest(host, session.NewRandom(32)) }), nil
	}
	return []kind{
		{name: "nothing, once more"},
		{name: "requests that a program on the same core answers 401 without reading them", gateway: at.floor, refused: true, requests: refused},
		{name: "requests to plain Caddy on the same core", gateway: at.plain, requests: browsers},
		{name: "requests that plain Caddy on the same core answers 401 at once", gateway: at.refusing, refused: true, requests: refused},
		{name: "requests that a site of plain Caddy in the same process answers 401 at once", gateway: at.within, refused: true, requests: refused},
		{name: "requests of other users", gateway: at.site, requests: browsers},
		{name: "texts that cannot be a token", gateway: at.site, wrong: true, requests: refused},
		{name: "personal tokens that do not exist", gateway: at.site, wrong: true, requests: func(host string) ([][]byte, error) {
			elsewhere, err := r.StartRedis(ctx)
			if err != nil {
				return nil, err
			}
			return personal(elsewhere)(host)
		}},
		{name: "personal tokens for another app", gateway: at.site, wrong: true, requests: func(host string) ([][]byte, error) { return personal(redis)(host) }},
		{name: "access tokens with a wrong signature", gateway: at.site, wrong: true, requests: func(host string) ([][]byte, error) {
			made, err := r.Programs(n)
			if err != nil {
				return nil, err
			}
			return asRequests(made, func(p rig.Person) []byte { return rig.ProgramRequest(host, forged(p.Token)) }), nil
		}},
	}
}

func asRequests(people []rig.Person, request func(rig.Person) []byte) [][]byte {
	all := make([][]byte, len(people))
	for i, p := range people {
		all[i] = request(p)
	}
	return all
}

func texts(n int, text func() []byte) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = text()
	}
	return all
}

// basicRequest is a request of a program that knows a token as a password.
func basicRequest(host, token string) []byte {
	return []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: git/2.47.3\r\nAccept: */*\r\nAuthorization: Basic " +
		base64.StdEncoding.EncodeToString([]byte("guess:"+token)) + "\r\n\r\n")
}

// forged is a token with another signature of the same length.
func forged(token string) string {
	half := len(token) - 40 // inside of the signature, which has 86 digits
	return token[:half] + reversed(token[half:len(token)-2]) + token[len(token)-2:]
}

// accepts reports whether a status is what the kind is to be answered.
func (k *kind) accepts(status int) bool {
	if k.refused {
		return status == http.StatusUnauthorized
	}
	if k.wrong {
		return status == http.StatusUnauthorized || status == http.StatusTooManyRequests
	}
	return status == http.StatusOK
}

func reversed(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	return string(b)
}
