package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/apps"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// clients is a site with `tokens on` in front of a real server, and what its users have for their programs.
type clients struct {
	*site
	line    *rig.Line // to the store
	browser map[string]*rig.HTTP
}

// clientSite starts a site whose every path is the server's. gina may not use programs.
func clientSite(t testing.TB, server string, c config) *clients {
	t.Helper()
	line := rig.NewLine(t, rig.Redis(t))
	c.redis = line.Addr
	c.before += "reverse_proxy /* " + server + " {\nheader_up X-Remote-User {http.request.header.Remote-User}\nheader_up Destination ^https: http:\n}"
	c.app += "\npolicy no-programs {\ninclude user gina\nwhen client other\nblock\n}"
	c.site = "tokens on\n" + c.site
	return &clients{site: newSite(t, c), line: line, browser: map[string]*rig.HTTP{}}
}

// bothTokens has a site accept the access tokens of its provider as well, and say so.
const bothTokens = "bearer {\naudience " + apiResource + "\nmetadata\n}"

// made is a personal token.
type made struct{ ID, Token string }

// me asks one's own page for JSON, and returns what it answers.
func (s *clients) me(user string, change map[string]string) (answer struct {
	CSRF string `json:"csrf"`
	New  made   `json:"new_token"`
},
) {
	s.t.Helper()
	c := s.browser[user]
	call := rig.Call{URL: s.url(mine), Header: http.Header{
		"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
	}}
	if change != nil {
		body, err := json.Marshal(change)
		if err != nil {
			s.t.Fatal(err)
		}
		call.Body = strings.NewReader(string(body))
		call.Header.Set("Content-Type", "application/json")
		call.Header.Set("Origin", s.origin())
	}
	r := c.Do(call)
	if err := json.Unmarshal([]byte(r.Text), &answer); r.StatusCode != http.StatusOK || err != nil {
		s.t.Fatalf("%s by %s: %d %v\n%s", mine, user, r.StatusCode, err, r.Text)
	}
	return answer
}

// create makes a token for a user's programs, who is signed in in a browser.
func (s *clients) create(user string) made {
	s.t.Helper()
	if s.browser[user] == nil {
		s.browser[user] = rig.NewHTTP(s.t)
		s.enter(s.browser[user], mine, user, "Yes")
	}
	got := s.me(user, map[string]string{"csrf": s.me(user, nil).CSRF, "do": "create_token", "name": "laptop", "expires": "90d"}).New
	if got.ID == "" || !strings.HasPrefix(got.Token, "lk_") {
		s.t.Fatalf("no token for %s: %+v", user, got)
	}
	return got
}

func (s *clients) revoke(user string, token made) {
	s.t.Helper()
	s.me(user, map[string]string{"csrf": s.me(user, nil).CSRF, "do": "revoke_token", "token": token.ID})
}

// wrongToken returns what has the form of a token, its checksum included, and is none.
func wrongToken() string {
	raw := []byte(rand.Text()[:20])
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return "lk_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}

// exhaust sends wrong tokens until further ones are not looked at, and then takes whatever is allowed again, until stop.
func (s *clients) exhaust() (stop func()) {
	s.t.Helper()
	for range 50 {
		r := s.program("/", wrongToken(), nil)
		if r.StatusCode == http.StatusTooManyRequests {
			return s.keepExhausted()
		}
		s.mustRefuse(r, http.StatusUnauthorized, "token_unknown")
	}
	s.t.Fatal("50 wrong tokens, and no end")
	return nil
}

// keepExhausted sends a wrong token whenever one may be looked at again.
func (s *clients) keepExhausted() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.program("/", wrongToken(), nil)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); wait.Wait() }
}

// barred is a state in which the gateway keeps a program out.
type barred struct {
	name   string
	token  string // what the program sends; "" for nothing
	status int
}

// seen is the status that a program was answered, by what it says. One wrong token is looked at every three seconds, however
// many are sent: that one is answered 401.
func (b barred) seen(out string) int {
	if b.status == http.StatusTooManyRequests && !strings.Contains(out, "429") {
		return http.StatusUnauthorized
	}
	return b.status
}

func (b barred) String() string { return fmt.Sprintf("%s (%d)", b.name, b.status) }

// eachBarred takes a program through all states in which it is kept out, and then through one in which it is not: a token that
// was good before still works, whatever its address has guessed.
func (s *clients) eachBarred(t *testing.T, out func(*testing.T, barred), in func(t *testing.T, token string)) {
	t.Helper()
	good, gone, refused, fresh := s.create("alice"), s.create("alice"), s.create("gina"), s.create("alice")
	s.revoke("alice", gone)
	if r := s.program("/", good.Token, nil); r.Header.Get("Content-Type") == "application/problem+json" {
		t.Fatalf("the good token: %d %s", r.StatusCode, r.Text)
	}
	for _, b := range []barred{
		{"no token", "", http.StatusUnauthorized},
		{"wrong token", wrongToken(), http.StatusUnauthorized},
		{"revoked token", gone.Token, http.StatusUnauthorized},
		{"refused by a policy", refused.Token, http.StatusForbidden},
		// Before the wrong tokens: of an address that guesses, a new token waits for its turn whether the store is there or not.
		{"store down", fresh.Token, http.StatusServiceUnavailable},
		{"too many wrong tokens", wrongToken(), http.StatusTooManyRequests},
	} {
		stop := func() {}
		switch b.status {
		case http.StatusTooManyRequests:
			stop = s.exhaust()
		case http.StatusServiceUnavailable:
			s.line.Cut()
		}
		t.Run(b.name, func(t *testing.T) { out(t, b) })
		stop()
		s.line.Mend()
		rig.Until(t, rig.Patience, "the store is there again", func() bool { return s.program("/.latchkey/me", "", nil).StatusCode != http.StatusServiceUnavailable })
	}
	t.Run("good token", func(t *testing.T) { in(t, good.Token) })
}

// mustFail expects that a program ended with an error.
func mustFail(t *testing.T, r apps.Result, says ...string) {
	t.Helper()
	if r.OK() {
		t.Errorf("it ended well:\n%s", r.Out)
	}
	for _, text := range says {
		if !r.Says(text) {
			t.Errorf("it does not say %q:\n%s", text, r.Out)
		}
	}
}

// mustSucceed expects that a program did what it was told.
func mustSucceed(t *testing.T, r apps.Result) {
	t.Helper()
	if !r.OK() {
		t.Fatalf("it ended with %d:\n%s", r.Code, r.Out)
	}
}
