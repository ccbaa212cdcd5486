package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// X16, K9 to K14, A7, A16: each thing that keeps a session from being kept does so alone, whether the record says it, the
// claims, or what hid the prompt at sign-in.
func TestMayStayReasons(t *testing.T) {
	const id = "a browser"
	for name, tt := range map[string]struct {
		change func(g *gateway, who *visitor, v *Visit)
		reason string
	}{
		"nothing":              {func(*gateway, *visitor, *Visit) {}, prompt.ReasonAsked},
		"another browser":      {func(_ *gateway, who *visitor, _ *Visit) { who.session.BrowserID = "another" }, ReasonOtherBrowser},
		"no browser of either": {func(_ *gateway, who *visitor, v *Visit) { who.session.BrowserID, v.Cookies.Browser = "", "" }, ReasonOtherBrowser},
		"a browser without a name": {func(g *gateway, who *visitor, v *Visit) {
			who.session.BrowserID = ""
			v.Cookies.Browser = g.browserCookie(v, "")
		}, ReasonOtherBrowser},
		"a session of long ago": {func(g *gateway, who *visitor, _ *Visit) {
			who.session.Created = g.clock.Now().Add(-180 * 24 * time.Hour)
		}, prompt.ReasonNoDifference},
		"equal limits":                   {func(g *gateway, _ *visitor, _ *Visit) { g.equalLimits() }, prompt.ReasonNoDifference},
		"consent":                        {func(_ *gateway, who *visitor, _ *Visit) { who.session.KindReason = prompt.ReasonConsent }, prompt.ReasonConsent},
		"guest":                          {func(_ *gateway, who *visitor, _ *Visit) { who.session.Guest = true }, prompt.ReasonGuest},
		"risk by the claims":             {func(_ *gateway, who *visitor, _ *Visit) { who.claims(`{"risk": "high"}`) }, prompt.ReasonHighRisk},
		"sign-in risk":                   {func(_ *gateway, who *visitor, _ *Visit) { who.session.SignInRisk = "high" }, prompt.ReasonHighRisk},
		"user risk":                      {func(_ *gateway, who *visitor, _ *Visit) { who.session.UserRisk = "high" }, prompt.ReasonHighRisk},
		"risk at sign-in":                {func(_ *gateway, who *visitor, _ *Visit) { who.session.KindReason = prompt.ReasonHighRisk }, prompt.ReasonHighRisk},
		"less risk":                      {func(_ *gateway, who *visitor, _ *Visit) { who.session.UserRisk = "medium" }, prompt.ReasonAsked},
		"shared by the claims":           {func(_ *gateway, who *visitor, _ *Visit) { who.claims(`{"shared": true}`) }, prompt.ReasonSharedDevice},
		"shared device":                  {func(_ *gateway, who *visitor, _ *Visit) { who.session.Shared = "true" }, prompt.ReasonSharedDevice},
		"shared at sign-in":              {func(_ *gateway, who *visitor, _ *Visit) { who.session.KindReason = prompt.ReasonSharedDevice }, prompt.ReasonSharedDevice},
		"shared network":                 {func(_ *gateway, who *visitor, _ *Visit) { who.admission.SharedNetwork = true }, prompt.ReasonSharedDevice},
		"two people":                     {func(g *gateway, _ *visitor, _ *Visit) { g.uses(id, "ada", "bob") }, prompt.ReasonSharedDevice},
		"one person":                     {func(g *gateway, _ *visitor, _ *Visit) { g.uses(id, "ada") }, prompt.ReasonAsked},
		"nobody can tell how many":       {func(g *gateway, _ *visitor, _ *Visit) { g.store.Fail(session.ErrUnavailable) }, prompt.ReasonSharedDevice},
		"IWA by the claims":              {func(_ *gateway, who *visitor, _ *Visit) { who.claims(`{"amr": ["wia"]}`) }, prompt.ReasonIWA},
		"IWA at sign-in":                 {func(_ *gateway, who *visitor, _ *Visit) { who.session.KindReason = prompt.ReasonIWA }, prompt.ReasonIWA},
		"two people, which is no matter": {func(g *gateway, _ *visitor, _ *Visit) { g.uses(id, "ada", "bob"); g.service.Prompt.SharedUsers = 0 }, prompt.ReasonAsked},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.claims = oidc.ClaimsConfig{SignInRisk: "risk", IWAMethods: []string{"wia"}, SharedDevice: "shared"}
				s.prompt.SharedUsers = 2
			})
			v := &Visit{Site: g.site, Host: "wiki.example.com", Secure: true}
			v.Cookies.Browser = g.browserCookie(v, id)
			who := visitor{session: &session.Record{Provider: g.service.Providers[0].Name, BrowserID: id, Created: g.clock.Now(), KindReason: prompt.ReasonAnsweredNo}}
			tt.change(g, &who, v)
			d := g.service.mayStay(httptest.NewRequest(http.MethodGet, browser.AccountPath, nil), v, who)
			if d.Reason != tt.reason || d.AllowsPersistent() != (tt.reason == prompt.ReasonAsked) {
				t.Errorf("%+v, want %s", d, tt.reason)
			}
		})
	}
}

func (who *visitor) claims(text string) { who.session.Claims = json.RawMessage(text) }

func (g *gateway) browserCookie(v *Visit, id string) string {
	return base64.RawURLEncoding.EncodeToString(g.service.Keys.Seal(keyring.PurposeBrowser, []byte(id), v.Host, browser.IDCookie))
}

func (g *gateway) uses(id string, people ...string) {
	g.t.Helper()
	for _, p := range people {
		if err := g.store.Enlist(g.t.Context(), browserIndex(id), session.HashKey("p", p), g.clock.Now().Add(time.Hour)); err != nil {
			g.t.Fatal(err)
		}
	}
}

// equalLimits gives both kinds of session the same limits.
func (g *gateway) equalLimits() {
	same := session.Limit{Idle: time.Hour, Max: 24 * time.Hour}
	m := session.NewManager(session.ManagerConfig{
		Store: g.store, Keys: g.service.Keys, Now: g.clock.Now, Limits: session.Limits{Browser: same, Persistent: same},
	})
	g.t.Cleanup(m.Close)
	g.service.Sessions = m
}
