package bearer

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/wellknown"
)

// asked is a world whose issuer says of every token what answer says.
type asked struct {
	*world
	answer atomic.Pointer[map[string]any]
	status atomic.Int64
	times  atomic.Int64
	hold   chan struct{}
	secret atomic.Pointer[string]
}

func newAsked(t *testing.T) *asked {
	a := &asked{}
	a.world = newWorld(t, func(c *Config) {
		c.Introspection = &Introspection{ClientID: "gate way", ClientSecret: func() (string, error) { return "se:cret", nil }}
	})
	a.status.Store(http.StatusOK)
	a.idp.Set(func(p *oidctest.IDP) {
		p.Metadata = map[string]any{"introspection_endpoint": a.idp.URL + "/introspect"}
		p.Instead["/introspect"] = func(w http.ResponseWriter, r *http.Request) {
			a.times.Add(1)
			id, secret, _ := r.BasicAuth()
			said := id + " " + secret + " " + r.PostFormValue("token") + " " + r.PostFormValue("token_type_hint")
			a.secret.Store(&said)
			if a.hold != nil {
				select {
				case <-a.hold:
				case <-time.After(5 * time.Second): // more were asked about than may be
				}
			}
			oidctest.WriteJSON(w, int(a.status.Load()), *a.answer.Load())
		}
	})
	if err := a.v.Issuers[0].Provider.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.says(nil)
	return a
}

// says sets what the issuer answers: that the token is good, with changes; nil deletes.
func (a *asked) says(change map[string]any) {
	answer := map[string]any{
		"active": true, "sub": "s-1", "aud": audience, "client_id": "cli", "scope": "read", "username": "ada", "token_type": "Bearer",
		"exp": a.clock.Now().Add(time.Hour).Unix(), "iat": a.clock.Now().Unix(),
	}
	maps.Copy(answer, change)
	maps.DeleteFunc(answer, func(_ string, v any) bool { return v == nil })
	a.answer.Store(&answer)
}

// RFC 7662: a token that is no JWT is good for a minute if its issuer says so, and never longer than its end.
func TestIntrospection(t *testing.T) {
	a := newAsked(t)
	got, err := a.verify("opaque")
	if err != nil {
		t.Fatal(err)
	}
	who, err := got.Session.Record()
	if err != nil || who.User != "ada" || who.Identity.Subject != "s-1" || who.GroupsComplete || got.Client != "cli" {
		t.Errorf("%+v, %v", who, err)
	}
	if said := *a.secret.Load(); said != "gate+way se%3Acret opaque access_token" {
		t.Errorf("the issuer was asked with %q", said)
	}
	a.clock.Advance(activeLife - time.Second)
	if again, err := a.verify("opaque"); again != got || err != nil || a.times.Load() != 1 {
		t.Errorf("%v after %d questions", err, a.times.Load())
	}
	a.clock.Advance(time.Second)
	a.says(map[string]any{"active": false})
	a.mustRefuse("revoked", "opaque", ReasonInactive)
	a.says(nil)
	a.mustRefuse("known not to be good", "opaque", ReasonInactive)
	a.clock.Advance(inactiveLife)
	a.says(map[string]any{"exp": a.clock.Now().Add(5 * time.Second).Unix()})
	if _, err := a.verify("opaque"); err != nil {
		t.Fatal(err)
	}
	a.clock.Advance(5 * time.Second)
	a.says(map[string]any{"exp": a.clock.Now().Unix()})
	a.mustRefuse("at its end", "opaque", ReasonExpired)

	for what, row := range map[string]struct {
		change map[string]any
		reason string
	}{
		"active in words": {map[string]any{"active": "true"}, ReasonInactive}, "another issuer": {map[string]any{"iss": "https://evil.example"}, ReasonForeign},
		"another audience": {map[string]any{"aud": "x"}, ReasonAudience}, "no audience": {map[string]any{"aud": nil}, ReasonAudience},
		"no sub": {map[string]any{"sub": nil}, ReasonClaims}, "a refresh token": {map[string]any{"token_type": "refresh_token"}, ReasonKind},
		"an odd type": {map[string]any{"token_type": 7}, ReasonKind}, "bound without a key": {map[string]any{"token_type": "DPoP"}, ReasonBound},
		"nbf ahead": {map[string]any{"nbf": a.clock.Now().Add(time.Hour).Unix()}, ReasonNotYet},
	} {
		a.says(row.change)
		a.v.Guesses.wrong = nil
		a.mustRefuse(what, strings.ReplaceAll("opaque."+what, " ", "."), row.reason)
	}
	a.says(map[string]any{"exp": nil, "iat": nil, "token_type": nil, "iss": a.idp.URL, "preferred_username": "bob"})
	got, err = a.verify("without.times")
	if err != nil || !got.Expires.Equal(a.clock.Now().Add(longestUnsaid)) {
		t.Fatalf("%+v, %v", got, err)
	}
	if who, err := got.Session.Record(); err != nil || who.User != "bob" {
		t.Errorf("%+v, %v", who, err)
	}
}

// What the issuer does not say is no refusal: the token is asked about again.
func TestIntrospectionFails(t *testing.T) {
	a := newAsked(t)
	for _, status := range []int{http.StatusUnauthorized, http.StatusFound, http.StatusInternalServerError} {
		a.status.Store(int64(status))
		if _, err := a.verify("opaque"); err == nil || reasonOf(err) != "" {
			t.Errorf("%d: %v", status, err)
		}
	}
	a.status.Store(http.StatusOK)
	if _, err := a.verify("opaque"); err != nil {
		t.Error(err)
	}
	plain := newWorld(t, nil)
	plain.mustRefuse("without introspection", "opaque", ReasonForeign)
}

// A flood of wrong tokens is bounded: one question for a token, few at a time, and 20 wrong ones a minute for an address.
// A token that was good is not held off by that.
func TestIntrospectionIsBounded(t *testing.T) {
	a := newAsked(t)
	if _, err := a.verify("good"); err != nil {
		t.Fatal(err)
	}
	a.says(map[string]any{"active": false})
	before := a.times.Load()
	for i := range 100 {
		_, err := a.verify(fmt.Sprint("wrong", i))
		want := ReasonInactive
		if i >= wrongTokens.N {
			want = ReasonAttempts
		}
		if refused, ok := errors.AsType[*Refused](err); !ok || refused.Reason != want || want == ReasonAttempts && refused.Wait <= 0 {
			t.Fatalf("token %d: %v", i, err)
		}
	}
	if n := a.times.Load() - before; n != int64(wrongTokens.N) {
		t.Errorf("%d questions", n)
	}
	a.says(nil)
	a.clock.Advance(activeLife)
	a.v.Guesses.wrong.Allow(client, "", a.clock.Now())
	for range wrongTokens.N {
		a.v.Guesses.wrong.Allow(client, "", a.clock.Now())
	}
	if _, err := a.verify("good"); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := a.verify("new"); reasonOf(err) != ReasonAttempts {
		t.Errorf("a new one of the same address: %v", err)
	}
	if _, err := a.v.Verify(t.Context(), presented(schemeBearer, "new"), netip.MustParseAddr("192.0.2.2")); err != nil {
		t.Errorf("a new one of another address: %v", err)
	}

	a.hold = make(chan struct{})
	var work sync.WaitGroup
	var busy atomic.Int64
	begun := a.times.Load()
	same := func(i int) {
		from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		if _, err := a.v.Verify(t.Context(), presented(schemeBearer, "same"), from); err != nil {
			t.Error(err)
		}
	}
	work.Go(func() { same(0) })
	for deadline := time.Now().Add(10 * time.Second); a.times.Load() == begun && time.Now().Before(deadline); { // else it may be one too many
		runtime.Gosched()
	}
	for i := range 2 * maxAsking {
		work.Go(func() { same(i) })
		work.Go(func() {
			if _, err := a.v.Verify(t.Context(), presented(schemeBearer, fmt.Sprint("other", i)), client4(i)); errors.Is(err, errBusy) {
				if busy.Add(1) == maxAsking+1 {
					close(a.hold)
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if n := a.times.Load() - begun; n > maxAsking {
		t.Errorf("%d questions", n)
	}
	if len(a.v.asking.calls) != 0 || len(a.v.asking.inactive) > maxInactive {
		t.Errorf("%d calls, %d refused", len(a.v.asking.calls), len(a.v.asking.inactive))
	}
}

// A token that was found good a moment ago is not asked about again by a client that came before that was known.
func TestIntrospectionIsAskedOnce(t *testing.T) {
	a := newAsked(t)
	p := presented(schemeBearer, "good")
	for range 2 {
		if got, err := a.v.introspected(t.Context(), p, client); err != nil || a.v.kept.get(p.hash, a.clock.Now()) != got {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if n := a.times.Load(); n != 1 {
		t.Errorf("%d questions", n)
	}
	a.clock.Advance(activeLife)
	if _, err := a.v.introspected(t.Context(), p, client); err != nil || a.times.Load() != 2 {
		t.Errorf("later: %d questions, %v", a.times.Load(), err)
	}
}

func client4(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}) }

// An authorization server that is no provider has metadata of OpenID Connect, or of RFC 8414; metadata of another issuer is
// refused, and what is known is used while new metadata cannot be had.
func TestServer(t *testing.T) {
	w := newWorld(t, nil)
	p := w.v.Issuers[0].Provider
	issuer := w.idp.URL + "/tenant"
	own, path := "", "/.well-known/oauth-authorization-server/tenant"
	serve := func(path string) {
		w.idp.Set(func(p *oidctest.IDP) {
			p.Instead = map[string]http.HandlerFunc{path: func(rw http.ResponseWriter, _ *http.Request) {
				_, _ = rw.Write([]byte(strings.ReplaceAll(own, "ORIGIN", w.idp.URL)))
			}}
		})
	}
	serve(path)
	s := &Server{Issuer: issuer, Client: p.Client, Now: w.clock.Now}
	for what, bad := range map[string]string{
		"not JSON": "x", "another issuer": `{"issuer":"https://evil.example","jwks_uri":"ORIGIN/keys"}`, "no keys": `{"issuer":"ORIGIN/tenant"}`,
		"keys over http": `{"issuer":"ORIGIN/tenant","jwks_uri":"http://other.example/keys"}`, "issuer and slash": `{"issuer":"ORIGIN/tenant/","jwks_uri":"ORIGIN/keys"}`,
		"introspection over http": `{"issuer":"ORIGIN/tenant","jwks_uri":"ORIGIN/keys","introspection_endpoint":"http://other.example/x"}`,
	} {
		own = bad
		w.clock.Advance(wellknown.Pause)
		if n, err := s.Examine(t.Context()); err == nil {
			t.Errorf("%s: %d keys", what, n)
		}
	}
	count := w.idp.Count(path)
	w.clock.Advance(wellknown.Pause / 2)
	if _, err := s.metadata(t.Context()); err == nil || w.idp.Count(path) != count {
		t.Errorf("asked again at once: %v", err)
	}
	own = `{"issuer":"ORIGIN/tenant","jwks_uri":"ORIGIN/keys","introspection_endpoint":"ORIGIN/introspect"}`
	for _, at := range []string{path, "/tenant/.well-known/openid-configuration"} {
		serve(at)
		w.clock.Advance(wellknown.TTL)
		s := &Server{Issuer: issuer, Client: p.Client, Now: w.clock.Now}
		if n, err := s.Examine(t.Context()); err != nil || n != 1 {
			t.Errorf("%s: %d keys, %v", at, n, err)
		}
	}
	found := OfServer(issuer, p)
	v := New(Config{Issuers: []*Issuer{found}, Audience: []string{audience}, Vet: w.v.Vet, Now: w.clock.Now})
	token := w.token(map[string]any{"iss": issuer})
	if got, err := v.Verify(t.Context(), presented(schemeBearer, token), client); err != nil || got.Session.Provider() != "main" || got.Session.Issuer() != issuer {
		t.Errorf("%+v, %v", got, err)
	}
	if at, err := found.Introspection(t.Context()); err != nil || at != w.idp.URL+"/introspect" {
		t.Errorf("%q, %v", at, err)
	}
	w.idp.Set(func(p *oidctest.IDP) { p.Instead = nil })
	w.clock.Advance(2 * wellknown.TTL)
	if at, err := found.Introspection(t.Context()); err != nil || at == "" {
		t.Errorf("while it is away: %q, %v", at, err)
	}
}

// Several providers can have the same issuer: an ID token of each is one.
func TestOfProvider(t *testing.T) {
	all := []*oidc.Provider{oidc.New(oidc.Config{Issuer: "https://a.example", ClientID: "1"}), oidc.New(oidc.Config{Issuer: "https://b.example", ClientID: "2"}), oidc.New(oidc.Config{Issuer: "https://a.example", ClientID: "3"})}
	if got := OfProvider(all[0], all).Clients; fmt.Sprint(got) != "[1 3]" {
		t.Errorf("%v", got)
	}
}
