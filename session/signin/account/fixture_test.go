package account

import (
	"net/http"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// desk is a page with a store and a clock, and without a sign-in behind it.
type desk struct {
	*Page
	t     *testing.T
	store *storetest.Memory
	clock *storetest.Clock
	site  *access.Site
	// challenged is why a sign-in was asked for last.
	challenged error
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	clock := storetest.NewClock()
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	html, err := pages.New(pages.Config{Base: browser.Base})
	if err != nil {
		t.Fatal(err)
	}
	store := storetest.NewMemory(clock.Now)
	manager := session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Now: clock.Now})
	t.Cleanup(manager.Close)
	e := access.NewEnvironment(access.Config{
		Providers: []*oidc.Provider{oidc.New(oidc.Config{
			Name: "main", Issuer: "https://login.example.com", Now: clock.Now,
			Claims: oidc.ClaimsConfig{SignInRisk: "risk", IWAMethods: []string{"wia"}, SharedDevice: "shared"},
		})},
		Sessions: manager, Store: store, Keys: ring, Pages: html, Now: clock.Now,
		Prompt: access.PromptConfig{SharedUsers: 2, Suppress: prompt.DefaultSuppress},
	})
	recorder := &access.Recorder{Environment: e}
	d := &desk{t: t, store: store, clock: clock, site: &access.Site{App: "wiki"}}
	d.Page = New(Parts{
		Environment: e, Recorder: recorder, Responder: &access.Responder{Environment: e},
		Authenticator: &access.Authenticator{Environment: e, Recorder: recorder},
		SignIn:        d, Remembered: &remembered.Keeper{Environment: e},
	})
	return d
}

// Challenge stands in for the sign-in.
func (g *desk) Challenge(w http.ResponseWriter, _ *http.Request, _ *access.Visit, why error, _ *oidc.Demand) {
	g.challenged = why
	w.WriteHeader(http.StatusUnauthorized)
}

func (g *desk) StepUp(http.ResponseWriter, *http.Request, *access.Visit, *session.Record, *access.Refusal, *oidc.Demand) {
	g.t.Error("the session need not be stronger")
}

func (g *desk) GrantForTokens(http.ResponseWriter, *http.Request, *access.Visit, *session.Record, session.Token, string) bool {
	g.t.Error("there are no tokens")
	return false
}
