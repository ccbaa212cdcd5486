package adminapi

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// The status says how store, cache and providers are; package app tests what it says of them in full.
func TestAdminStatus(t *testing.T) {
	provider := oidc.New(oidc.Config{Name: "main", Issuer: "https://idp.example.com", ClientID: "x"})
	a := apptest.NewAdministered(t, app.Parts{Providers: []*oidc.Provider{provider}})
	_, token := a.SignIn("zoe", "main")
	if !a.Alive(token) {
		t.Fatal("the session is not there")
	}
	var s struct {
		Store          string
		StoreSince     time.Time
		CachedSessions int
		CachedBytes    int64
		Providers      []struct {
			State           string
			MetadataFetched *time.Time
		}
	}
	if err := json.Unmarshal([]byte(a.Must(http.StatusOK, "GET", "/latchkey/status", "")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Store != "ok" || time.Since(s.StoreSince) > time.Minute || s.CachedSessions != 1 || s.CachedBytes < 900 || len(s.Providers) != 1 ||
		s.Providers[0].State != "unavailable" || s.Providers[0].MetadataFetched != nil {
		t.Errorf("%+v", s)
	}
}
