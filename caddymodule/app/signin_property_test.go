package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
)

// providers is a server that is several providers, each under a path. Whatever is asked for, the claims of the test come
// back.
type providers struct {
	*httptest.Server
	signer jose.Signer
	keys   jose.JSONWebKeySet

	mu     sync.Mutex
	claims map[string]any
}

func newProviders(t *testing.T) *providers {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &providers{keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Use: "sig"}}}}
	if p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil); err != nil {
		t.Fatal(err)
	}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *providers) serve(w http.ResponseWriter, r *http.Request) {
	name, endpoint, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	issuer := p.URL + "/" + name
	var body any
	switch endpoint {
	case ".well-known/openid-configuration":
		body = map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
			"jwks_uri": issuer + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		}
	case "keys":
		body = p.keys
	case "token":
		p.mu.Lock()
		claims := map[string]any{
			"iss": issuer, "aud": "gateway", "nonce": r.PostFormValue("code"),
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		for k, v := range p.claims {
			claims[k] = v
		}
		p.mu.Unlock()
		payload, _ := json.Marshal(claims) // of strings, numbers and lists
		jws, err := p.signer.Sign(payload)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		token, _ := jws.CompactSerialize()
		body = map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": token}
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// claimsOf is what a provider says of the person of a query.
func claimsOf(q *explain.Query) map[string]any {
	claims := map[string]any{"sub": q.Subject, "preferred_username": q.User}
	switch {
	case q.Email != "":
		claims["email"], claims["email_verified"] = q.Email, true
	case strings.Contains(q.User, "@"):
		claims["email"], claims["email_verified"] = q.User, true // as the flag has it
	case len(q.Unverified) > 0:
		claims["email"] = q.Unverified[0]
	}
	if q.GroupsUnreadable {
		claims["groups"] = map[string]any{"odd": true}
	} else if q.GroupsUnknown {
		claims["hasgroups"] = true
	} else {
		claims["groups"] = append([]string{}, q.Groups...)
	}
	switch {
	case q.Guest:
		claims["acct"] = 1
	case q.GuestUnreadable:
		claims["acct"] = map[string]any{"odd": true}
	}
	if q.MFA {
		claims["amr"] = []string{"pwd", "mfa"}
	}
	var contexts []string
	for _, acr := range q.ACRs {
		if acr == "c2" && q.Provider == "partner" { // which counts as a second factor there
			claims["acr"] = acr
		} else {
			contexts = append(contexts, acr)
		}
	}
	if contexts != nil {
		claims["acrs"] = contexts
	}
	if q.AuthAge != nil {
		claims["auth_time"] = time.Now().Add(-time.Duration(*q.AuthAge)).Unix()
	}
	if q.SignInRisk != policy.RiskUnknown {
		claims["risk"] = q.SignInRisk.String()
	}
	if q.UserRisk != policy.RiskUnknown {
		claims["user_risk"] = q.UserRisk.String()
	}
	for name, is := range map[string]policy.Signal{"compliant": q.Compliant, "shared": q.Shared} {
		switch is {
		case policy.No, policy.Yes:
			claims[name] = is == policy.Yes
		case policy.Unreadable:
			claims[name] = "odd"
		}
	}
	return claims
}

// wayIn is a browser that goes wherever it is sent, and what became of it.
type wayIn struct {
	rt      *rapid.T
	h       *site.Site
	q       *explain.Query
	issuers string
	cookies map[string]string
	// asked are the authorization requests.
	asked []url.Values
	// prompted: "Stay signed in?" was asked.
	prompted bool
}

func (b *wayIn) do(method, target string, form url.Values) (w *httptest.ResponseRecorder, passed bool) {
	var r *http.Request
	if form == nil {
		r = httptest.NewRequest(method, "/", nil)
	} else {
		r = httptest.NewRequest(method, "/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://"+b.q.Host)
	}
	if err := setTarget(r, target); err != nil {
		b.rt.Skip(err)
	}
	r.Host, r.TLS = b.q.Host, &tls.ConnectionState{HandshakeComplete: true}
	for name, values := range b.q.Header {
		r.Header[name] = slices.Clone(values)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if b.q.IP != "" {
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(b.q.IP), 1234).String()
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, nil)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, b.q.IP)
	w = httptest.NewRecorder()
	err := b.h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		passed = true
		return nil
	}))
	if err != nil {
		b.rt.Fatalf("the handler failed: %v", err)
	}
	for _, c := range w.Result().Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w, passed
}

// csrfInput is in the page that asks, onward in the one between a form and the page that was asked for.
var (
	csrfInput = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	onward    = regexp.MustCompile(`<a class="button primary" href="([^"]+)">Continue<`)
)

// walk opens the page and does what a person would, until there is nothing left to do. at is the address of the last page.
func (b *wayIn) walk() (w *httptest.ResponseRecorder, at string, passed bool) {
	at = b.q.Path
	w, passed = b.do(http.MethodGet, at, nil)
	for range 40 {
		location := w.Header().Get("Location")
		switch {
		case passed:
			return w, at, true
		case strings.HasPrefix(location, b.issuers):
			u, err := url.Parse(location)
			if err != nil {
				b.rt.Fatal(err)
			}
			asked := u.Query()
			b.asked = append(b.asked, asked)
			back, err := url.Parse(asked.Get("redirect_uri"))
			if err != nil {
				b.rt.Fatal(err)
			}
			at = back.Path + "?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()
		case location != "":
			at = location
		case w.Code == http.StatusOK && strings.Contains(w.Body.String(), "provider="+b.q.Provider+"&amp;"):
			page := w.Body.String()
			start := strings.Index(page, "/.latchkey/sign-in?provider="+b.q.Provider+"&amp;")
			link, _, _ := strings.Cut(page[start:], `"`)
			at = html.UnescapeString(link)
		case w.Code == http.StatusOK && csrfInput.MatchString(w.Body.String()):
			b.prompted = true
			token := csrfInput.FindStringSubmatch(w.Body.String())[1]
			w, passed = b.do(http.MethodPost, "/.latchkey/stay", url.Values{"csrf": {token}, "answer": {"no"}})
			continue
		case w.Code == http.StatusOK && onward.MatchString(w.Body.String()):
			at = html.UnescapeString(onward.FindStringSubmatch(w.Body.String())[1])
		default:
			return w, at, false
		}
		w, passed = b.do(http.MethodGet, at, nil)
	}
	b.rt.Fatalf("going round: %d at %s after %d requests to the provider", w.Code, at, len(b.asked))
	return nil, "", false
}

// Field trial 1.1, W5: a whole sign-in, from the first page over whatever the provider is asked for to the last one, comes
// to what explain says of the person who comes back, for random rules and random claims. Who meets the rules is in with
// one request to the provider; who does not is asked again as far as that may help, and then told what is missing.
func TestExplainAgreesWithSignIn(t *testing.T) {
	idp := newProviders(t)
	seen := make(map[string]int)
	rapid.Check(t, func(rt *rapid.T) {
		app, site := randomConfig(rt)
		for _, p := range app.Providers {
			p.Issuer = idp.URL + "/" + p.Name
			p.Guest = &config.ClaimValue{Claim: "acct", Value: "1"}
			p.Risk = config.RiskClaims{SignIn: "risk", User: "user_risk"}
			p.Device = config.DeviceClaims{Compliant: "compliant", Shared: "shared"}
		}
		c := apptest.New(rt, app, site)
		defer c.Close()
		defer func() { _ = c.Stop() }()
		if _, err := c.Estate().Tenant.Service(); err != nil {
			rt.Fatal(err)
		}
		for range 6 {
			q := randomQuery(rt)
			if q.Anonymous || strings.HasPrefix(q.Path, "/.latchkey") {
				continue
			}
			q.Method, q.Kind = http.MethodGet, ""
			q.Header.Set("Accept", "text/html")
			q.Header.Set("Sec-Fetch-Mode", "navigate")
			q.Header.Set("Sec-Fetch-Dest", "document")
			if offered := c.Estate().Sites[0].SignIn.Providers; !slices.Contains(offered, q.Provider) {
				q.Provider = offered[0]
			}
			if q.GroupsUnknown || q.GroupsUnreadable {
				q.Groups = nil
			}
			// One name can be stated unverified, as the address of a user who has no verified one.
			if q.Unverified = slices.DeleteFunc(q.Unverified, func(n string) bool { return !strings.Contains(n, "@") }); q.Email != "" || strings.Contains(q.User, "@") {
				q.Unverified = nil
			}
			q.Unverified = q.Unverified[:min(len(q.Unverified), 1)]
			for _, name := range []string{"Origin", "Sec-Fetch-Site", "Access-Control-Request-Method", "Connection", "Upgrade"} {
				q.Header.Del(name)
			}
			ex, err := c.Explain(q)
			if err != nil {
				rt.Fatal(err)
			}
			idp.mu.Lock()
			idp.claims = claimsOf(q)
			idp.mu.Unlock()
			b := &wayIn{rt: rt, h: c.Estate().Sites[0], q: q, issuers: idp.URL + "/", cookies: map[string]string{}}
			w, at, passed := b.walk()
			seen[ex.Verdict]++
			if b.prompted {
				seen["asked"]++
			}
			if problem := b.disagrees(ex, w, at, passed); problem != "" {
				said, _ := json.Marshal(ex)
				who, _ := json.Marshal(q)
				rt.Fatalf("%s\nperson: %s\nexplained: %s\ndone: %d at %s, passed %v, %d requests %v\n%s",
					problem, who, said, w.Code, at, passed, len(b.asked), b.asked, w.Body)
			}
		}
	})
	for _, want := range []string{"allow", "block", "step_up", "asked"} {
		if seen[want] == 0 {
			t.Errorf("never came to %q: %v", want, seen)
		}
	}
}

func (b *wayIn) disagrees(ex *explain.Explanation, w *httptest.ResponseRecorder, at string, passed bool) string {
	page := w.Body.String()
	missing := strings.Contains(page, "requirement_not_shown")
	switch {
	case ex.Reason == site.ReasonBadRequest:
		if passed || w.Code != http.StatusBadRequest {
			return "a bad request"
		}
	case ex.Verdict == "allow" && !passed:
		return "refused, and explain says allow"
	case ex.Verdict == "allow" && len(b.asked) > 1:
		return "asked again, and the first answer was enough"
	case ex.Verdict == "allow" && b.prompted != ex.Prompt.Asked:
		return "the prompt is another one than explain says"
	case ex.Verdict == "allow":
	case passed, w.Code != http.StatusForbidden:
		return "not refused, and explain does not say allow"
	// Refused before the sign-in is refused as an anonymous client is, which may have another reason.
	case ex.Verdict == "block" && at == b.q.Path && len(b.asked) > 0 && !strings.Contains(page, strconv.Itoa(ex.Code)):
		return "refused with another code"
	case ex.Verdict == "block" && missing && !slices.ContainsFunc(ex.Policies, func(p explain.ExplainedPolicy) bool {
		return p.Applies != "miss" && slices.ContainsFunc(p.Missing, func(m string) bool { return m != "block" })
	}):
		return "asked for more, and no policy wants more"
	case ex.Verdict == "step_up" && !missing:
		return "refused for another reason than what is missing"
	case ex.Verdict == "step_up" && len(b.asked) > 6:
		return "asked too often"
	case ex.Verdict == "step_up":
		if same := twice(b.asked); same != "" {
			return "the same request twice: " + same
		}
	}
	return ""
}

// twice returns what two requests in a row have both asked for, if there is nothing that the second one asks more.
func twice(asked []url.Values) string {
	before := ""
	for _, q := range asked {
		q := url.Values{"prompt": q["prompt"], "acr_values": q["acr_values"], "max_age": q["max_age"], "claims": q["claims"]}
		if now := q.Encode(); now == before && now != "" {
			return now
		} else {
			before = now
		}
	}
	return ""
}
