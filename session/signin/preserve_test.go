package signin

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// posted is a form as the app got it.
type posted struct {
	kind, body string
	times      int
}

func (g *gateway) keepSent(r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	body, _ := io.ReadAll(r.Body)
	p := posted{r.Header.Get("Content-Type"), string(body), 1}
	if int64(len(body)) != r.ContentLength {
		p.kind = "cut"
	}
	if before, ok := g.sent.Load(r.RequestURI); ok {
		p.times += before.(posted).times
	}
	g.sent.Store(r.RequestURI, p)
}

func (g *gateway) got(path string) posted {
	p, _ := g.sent.Load(path)
	got, _ := p.(posted)
	return got
}

const page = "/notes/7?draft=1"

var (
	written   = url.Values{"title": {"Minutes"}, "text": {"what Ada wrote & more"}}
	formToken = regexp.MustCompile(`name="latchkey-form" value="([^"]+)"`)
)

func tokenOf(t *testing.T, r result) string {
	t.Helper()
	m := formToken.FindStringSubmatch(r.body)
	if r.status != http.StatusOK || m == nil {
		t.Fatalf("no offer: %d\n%s", r.status, r.body)
	}
	return m[1]
}

// preserving is a site that keeps forms, and a browser in which Ada was signed in until her session ended.
func preserving(t *testing.T) *testBrowser {
	t.Helper()
	// Two people in one browser make it a shared device by default, which would hide the prompt (K14).
	g := newGateway(t, func(s *settings) { s.prompt.SharedUsers = 9 })
	g.site.PreservePost = 1000
	b := g.browser()
	b.signIn("no")
	b.endSession()
	return b
}

func (b *testBrowser) endSession() {
	b.t.Helper()
	if _, err := b.service.Sessions.EndAll(b.t.Context(), session.Identity{Issuer: b.idp.URL, Subject: b.idp.Subject()}); err != nil {
		b.t.Fatal(err)
	}
	b.clock.Advance(time.Second)
}

func (b *testBrowser) press(token, answer string, header ...string) result {
	b.t.Helper()
	return b.pressAt(page, token, answer, header...)
}

func (b *testBrowser) pressAt(page, token, answer string, header ...string) result {
	b.t.Helper()
	return b.do(http.MethodPost, page, url.Values{formField: {token}, formAnswer: {answer}}, header...)
}

func TestFormIsKeptThroughSignIn(t *testing.T) {
	b := preserving(t)
	r := b.do(http.MethodPost, page, written)
	if r.status != http.StatusUnauthorized || !strings.Contains(r.body, "return=%2Fnotes%2F7%3Fdraft%3D1") || b.got(page).times != 0 {
		t.Fatalf("%d\n%s", r.status, r.body)
	}
	if c := r.setCookies()[browser.FormCookie]; c == nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 || c.Path != "/" {
		t.Errorf("cookie %+v", c)
	}
	b.signIn("no")
	if r := b.get("/elsewhere"); !strings.HasPrefix(r.body, "app: ") {
		t.Errorf("another page: %d\n%s", r.status, r.body)
	}
	offer := b.get(page)
	token := tokenOf(t, offer)
	if strings.Contains(offer.body, "Ada wrote") || b.got(page).times != 0 {
		t.Error("shown, or sent without a button")
	}
	if r := b.press(token, "send"); !strings.HasPrefix(r.body, "app: ") || r.setCookies()[browser.FormCookie] == nil || r.setCookies()[browser.FormCookie].MaxAge >= 0 {
		t.Errorf("sending: %d %v\n%s", r.status, r.setCookies(), r.body)
	}
	if got := b.got(page); got.body != written.Encode() || got.kind != "application/x-www-form-urlencoded" || got.times != 1 {
		t.Errorf("the app got %+v", got)
	}
	if r := b.get(page); !strings.HasPrefix(r.body, "app: ") {
		t.Errorf("offered again: %s", r.body)
	}
}

// A file travels as it is.
func TestMultipartFormIsKept(t *testing.T) {
	b := preserving(t)
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	file, err := m.CreateFormFile("file", "minutes.bin")
	if err == nil {
		_, err = file.Write([]byte{0, 1, 2, 0xff, '\r', '\n'})
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	sent := body.String()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL+page, &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", b.URL)
	resp, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	b.signIn("no")
	b.press(tokenOf(t, b.get(page)), "send")
	if got := b.got(page); got.body != sent || got.kind != m.FormDataContentType() {
		t.Errorf("sent %q, the app got %+v", sent, got)
	}
}

// Nothing is kept, and the store is not written to, where it is not certain what was sent, from where and by whom.
func TestFormsThatAreNotKept(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testBrowser)
		form   url.Values
		header []string
	}{
		"the site keeps none":      {change: func(b *testBrowser) { b.site.PreservePost = 0 }},
		"too large":                {form: url.Values{"text": {strings.Repeat("x", 1000)}}},
		"A23: from another origin": {header: []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"}},
		"A23: from a sister host":  {header: []string{"Sec-Fetch-Site", "same-site"}},
		"A23: from nowhere":        {header: []string{"Origin", "", "Sec-Fetch-Site", ""}},
		"opaque origin":            {header: []string{"Origin", "null"}},
		"no form":                  {header: []string{"Content-Type", "application/json"}},
		"no type":                  {header: []string{"Content-Type", ""}},
		"packed":                   {header: []string{"Content-Encoding", "gzip"}},
		"a script's":               {header: []string{"X-Requested-With", "XMLHttpRequest"}},
		"never signed in":          {change: func(b *testBrowser) { b.client.Jar = nil }},
		"two people's browser": {change: func(b *testBrowser) {
			b.idp.SignInAs("bob")
			b.signIn("no")
			b.endSession()
		}},
		"nobody's browser any more": {change: func(b *testBrowser) { b.clock.Advance(8 * 24 * time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := preserving(t)
			if c.change != nil {
				c.change(b)
			}
			form := c.form
			if form == nil {
				form = written
			}
			before := b.store.Len()
			r := b.do(http.MethodPost, page, form, c.header...)
			if r.status != http.StatusUnauthorized || r.setCookies()[browser.FormCookie] != nil || b.store.Len() > before || b.got(page).times != 0 {
				t.Errorf("%d, cookies %v, %d entries more\n%s", r.status, r.setCookies(), b.store.Len()-before, r.body)
			}
		})
	}
}

// Whoever signs in next at this browser gets nothing of it; when the sender is back, it is gone.
func TestKeptFormIsTheSenders(t *testing.T) {
	b := preserving(t)
	b.do(http.MethodPost, page, written)
	ada := b.idp.Subject()
	b.idp.SignInAs("bob")
	b.signIn("no")
	if r := b.get(page); !strings.HasPrefix(r.body, "app: ") || strings.Contains(r.body, "latchkey-form") {
		t.Errorf("offered to another: %s", r.body)
	}
	b.endSession()
	b.idp.SignInAs(ada)
	b.signIn("no")
	if r := b.get(page); !strings.HasPrefix(r.body, "app: ") || b.got(page).times != 0 {
		t.Errorf("still there: %s", r.body)
	}
}

// A23: the button is a form of ours like any other: from this origin, with its own token, once, and for its page alone.
func TestButtonIsGuarded(t *testing.T) {
	b := preserving(t)
	b.do(http.MethodPost, page, written)
	b.signIn("no")
	token := tokenOf(t, b.get(page))
	for name, press := range map[string]func() result{
		"no token":       func() result { return b.press("", "send") },
		"another token":  func() result { return b.press(strings.Repeat("A", len(token)), "send") },
		"another origin": func() result { return b.press(token, "send", "Origin", "https://evil.example.com") },
		"a sister host":  func() result { return b.press(token, "send", "Sec-Fetch-Site", "same-site") },
		"token twice": func() result {
			return b.do(http.MethodPost, page, url.Values{formField: {token, token}, formAnswer: {"send"}})
		},
	} {
		if r := press(); r.status != http.StatusForbidden && r.status != http.StatusBadRequest {
			t.Errorf("%s: %d\n%s", name, r.status, r.body)
		}
	}
	if b.got(page).times != 0 {
		t.Fatal("the app got something")
	}
	other := b.browser()
	other.signIn("no")
	if r := other.press(token, "send"); b.got(page).body == written.Encode() {
		t.Errorf("another browser of the same person: %d", r.status)
	}
	b.sent.Delete(page) // what the other browser sent is its own business
	if r := b.press(token, "drop"); r.status != http.StatusOK || r.header.Get("Refresh") != "0; url="+page {
		t.Errorf("dropping: %d %v", r.status, r.header)
	}
	if r := b.press(token, "send"); b.got(page).body == written.Encode() {
		t.Errorf("dropped, and sent: %d", r.status)
	}
}

// Two presses send it once; the second says that there is nothing left.
func TestKeptFormIsSentOnce(t *testing.T) {
	b := preserving(t)
	b.do(http.MethodPost, page, written)
	b.signIn("no")
	token := tokenOf(t, b.get(page))
	again := b.client.Jar.Cookies(mustURL(t, b.URL))
	b.press(token, "send")
	b.client.Jar.SetCookies(mustURL(t, b.URL), again)
	if r := b.press(token, "send"); r.status != http.StatusGone || b.got(page).times != 1 {
		t.Errorf("%d, sent %d times\n%s", r.status, b.got(page).times, r.body)
	}
}

// F5: a form that meets a step-up is kept as well; who sent it is known then.
func TestFormIsKeptThroughStepUp(t *testing.T) {
	g := newGateway(t)
	g.site.PreservePost = 1000
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{ACRs: []string{"gold"}}
	r := b.do(http.MethodPost, page, written)
	if r.status != http.StatusUnauthorized || r.setCookies()[browser.FormCookie] == nil || b.got(page).times != 0 {
		t.Fatalf("%d %v\n%s", r.status, r.setCookies(), r.body)
	}
	g.demand = nil
	b.press(tokenOf(t, b.get(page)), "send")
	if got := b.got(page); got.body != written.Encode() {
		t.Errorf("the app got %+v", got)
	}
}

// The session ends once more before the button is pressed: the form is still there after the next sign-in.
func TestButtonAfterAnotherEnd(t *testing.T) {
	b := preserving(t)
	b.do(http.MethodPost, page, written)
	b.signIn("no")
	token := tokenOf(t, b.get(page))
	b.endSession()
	if r := b.press(token, "send"); r.status != http.StatusUnauthorized || b.got(page).times != 0 {
		t.Fatalf("%d\n%s", r.status, r.body)
	}
	b.signIn("no")
	b.press(tokenOf(t, b.get(page)), "send")
	if got := b.got(page); got.body != written.Encode() || got.times != 1 {
		t.Errorf("the app got %+v", got)
	}
}

func mustURL(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
