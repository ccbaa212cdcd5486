package rig

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// The odd provider is honest when nobody asks for a lie: code once, token with the request's nonce.
func TestOddIsHonestByDefault(t *testing.T) {
	t.Parallel()
	o, c := NewOdd(t), NewHTTP(t)
	r := c.Get(o.Issuer + "/authorize?client_id=x&nonce=n&state=s&redirect_uri=" + url.QueryEscape("http://127.0.0.1:9/cb"))
	q := r.Location().Query()
	if q.Get("state") != "s" || q.Get("iss") != o.Issuer || q.Get("code") == "" {
		t.Fatalf("redirect %v", q)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}}
	if r = c.Do(Call{URL: o.Issuer + "/token", Form: form}); r.StatusCode != 200 || !strings.Contains(r.Text, "id_token") {
		t.Errorf("token: %d %s", r.StatusCode, r.Text)
	}
	if r = c.Do(Call{URL: o.Issuer + "/token", Form: form}); r.StatusCode != 400 {
		t.Errorf("a code worked twice: %d", r.StatusCode)
	}
	if o.Outbound() != 2 {
		t.Errorf("outbound %d", o.Outbound())
	}
}

// A line that is cut turns away, a silent one says nothing, a mended one works, and the server keeps its data.
func TestLine(t *testing.T) {
	t.Parallel()
	addr := Redis(t)
	line := NewLine(t, addr)
	if got := RedisCommand(t, line.Addr, "SET k v"); got != "+OK" {
		t.Fatalf("set: %q", got)
	}
	line.Cut()
	c := NewHTTP(t)
	if _, err := c.Try(Call{URL: "http://" + line.Addr}); err == nil {
		t.Error("a cut line answered")
	}
	line.Mend()
	if got := RedisLines(t, line.Addr, "GET k"); len(got) != 1 || got[0] != "v" {
		t.Errorf("get: %q", got)
	}
}

// The certified provider signs a person in by name and says what it handed out.
func TestProviderSignsIn(t *testing.T) {
	t.Parallel()
	p := NewIDP(t, IDPConfig{
		Clients: []Client{{ID: "gw", Secret: "a-secret-of-thirty-two-characters", RedirectURIs: []string{"http://127.0.0.1:9/cb"}}},
		Users:   map[string]Claims{"alice": {"name": "Alice"}},
	})
	c := NewHTTP(t)
	challenge := "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
	r := c.Follow(c.Get(p.Issuer+"/auth?client_id=gw&response_type=code&scope=openid&state=s&redirect_uri="+
		url.QueryEscape("http://127.0.0.1:9/cb")+"&code_challenge_method=S256&code_challenge="+challenge), nil)
	r = c.Follow(c.Send(r.Form(t, "alice")), func(u *url.URL) bool { return u.Port() == "9" })
	if u := r.Location(); u == nil || u.Query().Get("code") == "" {
		t.Fatalf("no code: %v", u)
	}
	if s := p.State(); s.Hits["authorize"] < 1 || len(s.Issued["code"]) != 1 {
		t.Errorf("state %+v", s)
	}
	p.Down()
	if _, err := c.Try(Call{URL: p.Issuer + "/jwks"}); err == nil {
		t.Error("a provider that is down answered")
	}
	p.Up()
	p.Fail("jwks", Fault{Status: 429, RetryAfter: "7"})
	if r := c.Get(p.Issuer + "/jwks"); r.StatusCode != 429 || r.Header.Get("Retry-After") != "7" {
		t.Errorf("fault: %d", r.StatusCode)
	}
	if r := c.Get(p.Issuer + "/jwks"); r.StatusCode != 200 {
		t.Errorf("after the fault: %d", r.StatusCode)
	}
	p.Fail("jwks", Fault{Hang: true})
	done := make(chan struct{})
	go func() { defer close(done); _, _ = NewHTTP(t).Try(Call{URL: p.Issuer + "/jwks"}) }()
	Until(t, 5*time.Second, "the request hangs", func() bool { return p.Hits("jwks") >= 3 })
	p.Heal("jwks")
	<-done
}
