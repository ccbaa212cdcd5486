package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestDirectiveTakesNothing(t *testing.T) {
	adapter := caddyconfig.GetAdapter("caddyfile")
	json, _, err := adapter.Adapt([]byte("http://x {\n\trespond ok\n\tlatchkey\n}\n"), nil)
	if at := strings.Index(string(json), `"handler":"latchkey"`); err != nil || at < 0 || at > strings.Index(string(json), "static_response") {
		t.Errorf("%v: no handler before the answer in %s", err, json)
	}
	for _, more := range []string{"latchkey on", "latchkey {\n\t\tapp x\n\t}"} {
		if _, _, err := adapter.Adapt([]byte("http://x {\n\t"+more+"\n}\n"), nil); err == nil {
			t.Errorf("%q is accepted, as if it did something", more)
		}
	}
}

func TestHandlerPassesOn(t *testing.T) {
	w := httptest.NewRecorder()
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	})
	if err := (passing{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil), next); err != nil || w.Code != http.StatusTeapot {
		t.Errorf("status %d, %v", w.Code, err)
	}
}
