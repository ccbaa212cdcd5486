package site

import (
	"math"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
)

// unread is a writer of an answer that keeps its headers alone.
type unread struct {
	header http.Header
	status int
}

func (u *unread) Header() http.Header                { return u.header }
func (u *unread) WriteHeader(status int)             { u.status = status }
func (u *unread) Write(body []byte) (n int, _ error) { return len(body), nil }

// wrongTokens are requests of an address that guesses, by the kind of their token. Each is told the answer that a flood gets.
func wrongTokens(tb testing.TB) (b *robot, kinds map[string]http.Header) {
	b = newRobot(tb, &config.App{}, &config.Site{Tokens: true, Bearer: &config.Bearer{}})
	b.h.unlogged = true
	good := b.token(nil)
	_, other := b.ownToken(tb, &session.Record{
		Provider: "main", Identity: session.Identity{Issuer: b.idp.URL, Subject: "s-1"}, User: "ada",
	}, "git")
	kinds = map[string]http.Header{
		"a text": with(session.NewRandom(32)), "a wrong signature": with(good[:len(good)-20] + session.NewRandom(15)), "a personal token": basic("ada", other),
	}
	for _, header := range kinds {
		for range 50 {
			b.send(tb, &unread{header: http.Header{}}, header)
		}
	}
	return b, kinds
}

func (b *robot) send(tb testing.TB, w *unread, header http.Header) {
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		tb.Error("the app was reached")
		return nil
	})
	if err := b.h.ServeHTTP(w, asking("/", header), next); err != nil {
		tb.Fatal(err)
	}
}

// Refusing a token takes little memory, as a thousand wrong ones a second take it from the requests of users. One piece is the request,
// seven are the ID of the request that Caddy makes, two the body of the answer and its headers.
func TestWrongTokenAllocations(t *testing.T) {
	b, kinds := wrongTokens(t)
	for name, header := range kinds {
		w := &unread{header: make(http.Header, 8)}
		least := math.Inf(1)
		for range 5 {
			request := testing.AllocsPerRun(200, func() { asking("/", header) })
			all := testing.AllocsPerRun(200, func() { b.send(t, w, header) })
			least = min(least, all-request)
		}
		if t.Logf("%s: %.0f allocations, %d", name, least, w.status); w.status < 400 || least > 19 {
			t.Errorf("%s: %.0f allocations, %d", name, least, w.status)
		}
	}
}

// What the handler costs for a wrong token is the difference to the first.
func BenchmarkWrongToken(b *testing.B) {
	robot, kinds := wrongTokens(b)
	b.Run("request alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			asking("/", kinds["a text"])
		}
	})
	for name, header := range kinds {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				robot.send(b, &unread{header: make(http.Header, 8)}, header)
			}
		})
	}
}
