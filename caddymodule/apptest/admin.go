package apptest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
)

// AdminServer is an admin endpoint as Caddy builds it, with Latchkey's routes alone. The test imports package adminapi.
func AdminServer(t *testing.T) *httptest.Server {
	t.Helper()
	info, err := caddy.GetModule("admin.api.latchkey")
	if err != nil {
		t.Fatal(err)
	}
	router, ok := info.New().(caddy.AdminRouter)
	if !ok {
		t.Fatalf("%T is no admin router", info.New())
	}
	mux := http.NewServeMux()
	for _, route := range router.Routes() {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := route.Handler.ServeHTTP(w, r); err != nil {
				e, ok := err.(caddy.APIError) //nolint:errorlint // as Caddy does
				if !ok {
					e = caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
				}
				w.WriteHeader(e.HTTPStatus)
				_ = json.NewEncoder(w).Encode(map[string]string{"error": e.Err.Error()})
			}
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// Run makes an app the one that runs, for the length of a test.
func Run(t *testing.T, a *app.App) {
	t.Helper()
	app.Enter(a)
	t.Cleanup(func() { app.Leave(a) })
}
