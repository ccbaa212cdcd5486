package signin

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// pushes are the requests that arrive at a provider's endpoint for pushed authorization requests.
type pushes struct {
	sync.Mutex
	got    []url.Values
	secret string // of the last one, in the header
	status int
	answer map[string]any
}

func (p *pushes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	defer p.Unlock()
	_ = r.ParseForm()
	p.got = append(p.got, r.PostForm)
	_, p.secret, _ = r.BasicAuth()
	oidctest.WriteJSON(w, p.status, p.answer)
}

const pushed = "urn:ietf:params:oauth:request_uri:one"

func pushing(t *testing.T, mode string, metadata map[string]any, change ...func(*oidc.Config)) (*gateway, *pushes) {
	t.Helper()
	p := &pushes{status: http.StatusCreated, answer: map[string]any{"request_uri": pushed, "expires_in": 60}}
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Instead["/par"] = p.ServeHTTP
		s.idp.Metadata = map[string]any{"pushed_authorization_request_endpoint": s.idp.URL + "/par", "userinfo_endpoint": s.idp.URL + "/userinfo"}
		for k, v := range metadata {
			s.idp.Metadata[k] = v
		}
		s.provider = func(c *oidc.Config) {
			c.Push, c.ClientSecret = mode, func() (string, error) { return "s3cret", nil }
			for _, change := range change {
				change(c)
			}
		}
	})
	return g, p
}

// RFC 9126, sections 2.1, 4 and 5: a request is pushed where the configuration or the provider requires it, with the
// authentication of the client; the browser then carries the reference and the client ID alone.
func TestPushedRequests(t *testing.T) {
	requires := map[string]any{"require_pushed_authorization_requests": true}
	for name, row := range map[string]struct {
		mode     string
		metadata map[string]any
		pushed   bool
	}{
		"offered":               {"", nil, false},
		"required by provider":  {"", requires, true},
		"required by us":        {oidc.PushRequire, nil, true},
		"required, and not now": {oidc.PushOff, requires, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := pushing(t, row.mode, row.metadata)
			r := g.browser().get("/page")
			at, err := url.Parse(r.location)
			if err != nil || r.status != http.StatusSeeOther || !strings.HasSuffix(at.Path, "/authorize") {
				t.Fatalf("%d to %q", r.status, r.location)
			}
			q := at.Query()
			if !row.pushed {
				if len(p.got) > 0 || q.Get("request_uri") != "" || q.Get("state") == "" {
					t.Errorf("pushed %d times, the browser carries %v", len(p.got), q)
				}
				return
			}
			if len(q) != 2 || q.Get("client_id") != oidctest.Client || q.Get("request_uri") != pushed {
				t.Errorf("the browser carries %v", q)
			}
			if len(p.got) != 1 {
				t.Fatalf("pushed %d times", len(p.got))
			}
			form := p.got[0]
			for _, must := range []string{"response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"} {
				if form.Get(must) == "" {
					t.Errorf("pushed without %s: %v", must, form)
				}
			}
			if form.Get("request_uri") != "" || p.secret != "s3cret" {
				t.Errorf("pushed with request_uri %q; the secret %q", form.Get("request_uri"), p.secret)
			}
		})
	}
}

// A provider that does not take a pushed request, or cannot be reached for it, is no redirect into nothing: the page says
// which of the two it is, and so does the log.
func TestPushedRequestFails(t *testing.T) {
	const secret = "what the provider says"
	for name, row := range map[string]struct {
		status int
		answer map[string]any
		want   int
		code   signinlog.Code
		detail string
	}{
		"refused":            {http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": secret}, http.StatusBadGateway, signinlog.ProviderFailed, "invalid_request"},
		"client refused":     {http.StatusUnauthorized, map[string]any{"error": "invalid_client"}, http.StatusBadGateway, signinlog.ProviderFailed, "invalid_client"},
		"down":               {http.StatusServiceUnavailable, nil, http.StatusServiceUnavailable, signinlog.ProviderUnavailable, ""},
		"overloaded":         {http.StatusTooManyRequests, nil, http.StatusServiceUnavailable, signinlog.ProviderUnavailable, ""},
		"no reference":       {http.StatusCreated, map[string]any{"expires_in": 60}, http.StatusBadGateway, signinlog.ProviderFailed, ""},
		"an endless one":     {http.StatusCreated, map[string]any{"request_uri": "urn:" + strings.Repeat("x", 1024)}, http.StatusBadGateway, signinlog.ProviderFailed, ""},
		"no string":          {http.StatusCreated, map[string]any{"request_uri": 1}, http.StatusBadGateway, signinlog.ProviderFailed, ""},
		"a redirect instead": {http.StatusFound, nil, http.StatusBadGateway, signinlog.ProviderFailed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := pushing(t, oidc.PushRequire, nil)
			p.status, p.answer = row.status, row.answer
			b := g.browser()
			r := b.get("/page")
			last := g.log.last(t)
			if r.status != row.want || last.Code != row.code || last.Detail != row.detail {
				t.Errorf("%d, log %d %q", r.status, last.Code, last.Detail)
			}
			if strings.Contains(r.body, secret) || r.location != "" {
				t.Errorf("to %q, page %s", r.location, r.body)
			}
			if down := row.want == http.StatusServiceUnavailable; down != (r.header.Get("Retry-After") != "") {
				t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
			}
			p.Lock()
			p.status, p.answer = http.StatusCreated, map[string]any{"request_uri": pushed}
			p.Unlock()
			if r := b.get("/page"); r.status != http.StatusSeeOther {
				t.Errorf("after it: %d", r.status)
			}
		})
	}
}

// Without an endpoint for it no request is sent in the open that the configuration wants pushed.
func TestPushedRequestsNowhere(t *testing.T) {
	g, _ := pushing(t, oidc.PushRequire, map[string]any{"pushed_authorization_request_endpoint": ""})
	if r := g.browser().get("/page"); r.status == http.StatusSeeOther || r.location != "" {
		t.Errorf("%d to %q", r.status, r.location)
	}
}

// A flood of browsers that never sign in is no flood at the provider: few pushes of an address are under way at the same
// time. One more is told to come again, and causes no request.
func TestPushesAreBounded(t *testing.T) {
	g, _ := pushing(t, oidc.PushRequire, nil)
	const most = 64
	asked, answer := make(chan struct{}, 2*most), make(chan struct{})
	g.idp.Set(func(p *oidctest.IDP) {
		p.Instead["/par"] = func(w http.ResponseWriter, _ *http.Request) {
			asked <- struct{}{}
			<-answer
			oidctest.WriteJSON(w, http.StatusCreated, map[string]any{"request_uri": pushed, "expires_in": 60})
		}
	})
	var all sync.WaitGroup
	start := func(b *testBrowser) {
		all.Go(func() {
			if r := b.get("/page"); r.status != http.StatusSeeOther {
				t.Errorf("a start: %d", r.status)
			}
		})
		<-asked
	}
	for range most {
		start(g.browser())
	}
	r := g.browser().get("/page")
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" || len(asked) > 0 {
		t.Errorf("one more: %d, Retry-After %q, %d pushes", r.status, r.header.Get("Retry-After"), len(asked))
	}
	close(answer)
	all.Wait()
	if r := g.browser().get("/page"); r.status != http.StatusSeeOther {
		t.Errorf("afterwards: %d", r.status)
	}
}
