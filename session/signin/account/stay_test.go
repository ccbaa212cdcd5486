package account

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
)

// X16, K9 to K14, A7, A16: each thing that keeps a session from being kept does so alone, whether the record says it, the
// claims, or what hid the prompt at sign-in.
func TestMayStayReasons(t *testing.T) {
	const id = "a browser"
	for name, tt := range map[string]struct {
		change func(g *desk, who *visitor, v *access.Visit)
		reason string
	}{
		"nothing":         {func(*desk, *visitor, *access.Visit) {}, prompt.ReasonAsked},
		"another browser": {func(_ *desk, who *visitor, _ *access.Visit) { who.session.BrowserID = "another" }, ReasonOtherBrowser},
		"a browser by its name": {func(g *desk, who *visitor, v *access.Visit) {
			who.session.BrowserID = "name"
			v.Cookies.Browser = g.browserCookie(v, "name rs8w u:ada")
		}, prompt.ReasonAsked},
		"another browser of the same first user": {func(g *desk, who *visitor, v *access.Visit) {
			who.session.BrowserID = "other"
			v.Cookies.Browser = g.browserCookie(v, "name rs8w u:ada")
		}, ReasonOtherBrowser},
		"a record of before": {func(g *desk, who *visitor, v *access.Visit) {
			who.session.BrowserID = "name rs8w u:ada"
			v.Cookies.Browser = g.browserCookie(v, "name rs8w u:ada")
		}, prompt.ReasonAsked},
		"the first user and another": {func(g *desk, who *visitor, v *access.Visit) {
			g.Prompt.SharedWindow = time.Hour
			used := "name " + strconv.FormatInt(g.clock.Now().Unix(), 36) + " u:ada"
			who.session.BrowserID = "name"
			v.Cookies.Browser = g.browserCookie(v, used)
			g.uses(used, "bob")
		}, prompt.ReasonSharedDevice},
		"no browser of either": {func(_ *desk, who *visitor, v *access.Visit) { who.session.BrowserID, v.Cookies.Browser = "", "" }, ReasonOtherBrowser},
		"a browser without a name": {func(g *desk, who *visitor, v *access.Visit) {
			who.session.BrowserID = ""
			v.Cookies.Browser = g.browserCookie(v, "")
		}, ReasonOtherBrowser},
		"a session of long ago": {func(g *desk, who *visitor, _ *access.Visit) {
			who.session.Created = g.clock.Now().Add(-180 * 24 * time.Hour)
		}, prompt.ReasonNoDifference},
		"equal limits":                   {func(g *desk, _ *visitor, _ *access.Visit) { g.equalLimits() }, prompt.ReasonNoDifference},
		"consent":                        {func(_ *desk, who *visitor, _ *access.Visit) { who.session.KindReason = prompt.ReasonConsent }, prompt.ReasonConsent},
		"guest":                          {func(_ *desk, who *visitor, _ *access.Visit) { who.session.Guest = true }, prompt.ReasonGuest},
		"risk by the claims":             {func(_ *desk, who *visitor, _ *access.Visit) { who.claims(`{"risk": "high"}`) }, prompt.ReasonHighRisk},
		"sign-in risk":                   {func(_ *desk, who *visitor, _ *access.Visit) { who.session.SignInRisk = "high" }, prompt.ReasonHighRisk},
		"user risk":                      {func(_ *desk, who *visitor, _ *access.Visit) { who.session.UserRisk = "high" }, prompt.ReasonHighRisk},
		"risk at sign-in":                {func(_ *desk, who *visitor, _ *access.Visit) { who.session.KindReason = prompt.ReasonHighRisk }, prompt.ReasonHighRisk},
		"less risk":                      {func(_ *desk, who *visitor, _ *access.Visit) { who.session.UserRisk = "medium" }, prompt.ReasonAsked},
		"shared by the claims":           {func(_ *desk, who *visitor, _ *access.Visit) { who.claims(`{"shared": true}`) }, prompt.ReasonSharedDevice},
		"shared device":                  {func(_ *desk, who *visitor, _ *access.Visit) { who.session.Shared = "true" }, prompt.ReasonSharedDevice},
		"shared at sign-in":              {func(_ *desk, who *visitor, _ *access.Visit) { who.session.KindReason = prompt.ReasonSharedDevice }, prompt.ReasonSharedDevice},
		"shared network":                 {func(_ *desk, who *visitor, _ *access.Visit) { who.admission.SharedNetwork = true }, prompt.ReasonSharedDevice},
		"two people":                     {func(g *desk, _ *visitor, _ *access.Visit) { g.uses(id, "ada", "bob") }, prompt.ReasonSharedDevice},
		"one person":                     {func(g *desk, _ *visitor, _ *access.Visit) { g.uses(id, "ada") }, prompt.ReasonAsked},
		"nobody can tell how many":       {func(g *desk, _ *visitor, _ *access.Visit) { g.store.Fail(session.ErrUnavailable) }, prompt.ReasonSharedDevice},
		"IWA by the claims":              {func(_ *desk, who *visitor, _ *access.Visit) { who.claims(`{"amr": ["wia"]}`) }, prompt.ReasonIWA},
		"IWA at sign-in":                 {func(_ *desk, who *visitor, _ *access.Visit) { who.session.KindReason = prompt.ReasonIWA }, prompt.ReasonIWA},
		"two people, which is no matter": {func(g *desk, _ *visitor, _ *access.Visit) { g.uses(id, "ada", "bob"); g.Prompt.SharedUsers = 0 }, prompt.ReasonAsked},
	} {
		t.Run(name, func(t *testing.T) {
			g := newDesk(t)
			v := &access.Visit{Site: g.site, Host: "wiki.example.com", Secure: true}
			v.Cookies.Browser = g.browserCookie(v, id)
			who := visitor{session: &session.Record{Provider: g.Providers[0].Name, BrowserID: id, Created: g.clock.Now(), KindReason: prompt.ReasonAnsweredNo}}
			tt.change(g, &who, v)
			d := g.mayStay(httptest.NewRequest(http.MethodGet, browser.AccountPath, nil), v, who)
			if d.Reason != tt.reason || d.AllowsPersistent() != (tt.reason == prompt.ReasonAsked) {
				t.Errorf("%+v, want %s", d, tt.reason)
			}
		})
	}
}

func (who *visitor) claims(text string) { who.session.Claims = json.RawMessage(text) }

func (g *desk) browserCookie(v *access.Visit, id string) string {
	return base64.RawURLEncoding.EncodeToString(g.Keys.Seal(keyring.PurposeBrowser, []byte(id), v.Host, browser.IDCookie))
}

func (g *desk) uses(id string, people ...string) {
	g.t.Helper()
	for _, p := range people {
		if err := g.store.Enlist(g.t.Context(), remembered.UsersOf(id), session.HashKey("p", p), g.clock.Now().Add(time.Hour)); err != nil {
			g.t.Fatal(err)
		}
	}
}

// equalLimits gives both kinds of session the same limits.
func (g *desk) equalLimits() {
	same := session.Limit{Idle: time.Hour, Max: 24 * time.Hour}
	m := session.NewManager(session.ManagerConfig{
		Store: g.store, Keys: g.Keys, Now: g.clock.Now, Limits: session.Limits{Browser: same, Persistent: same},
	})
	g.t.Cleanup(m.Close)
	g.Sessions = m
}
