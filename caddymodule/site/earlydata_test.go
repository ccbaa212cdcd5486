package site

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Field trial 5.12: what may not happen twice waits for the handshake, on open paths as on closed ones; a client's own
// Early-Data says nothing and goes no further, a trusted proxy's does both.
func TestEarlyData(t *testing.T) {
	h := ruled(t, "", "@private path /private*", "@private")
	const none, quic, proxy, client = 0, 1, 2, 3
	for _, tt := range []struct {
		method, target string
		early          int
		want           int
	}{
		{"GET", "/x", quic, 200},
		{"HEAD", "/x", quic, 200},
		{"OPTIONS", "/x", quic, 200},
		{"GET", "/x", proxy, 200},
		{"GET", "/x", client, 200},
		{"POST", "/x", quic, 425},
		{"POST", "/x", proxy, 425},
		{"POST", "/x", client, 200},
		{"POST", "/x", none, 200},
		{"PROPFIND", "/x", quic, 425},
		{"POST", "/private", quic, 425},
		{"GET", "/private", quic, 401},
		{"GET", "/.latchkey/signed-out", quic, 425},
		{"GET", "/.latchkey/signed-out", proxy, 425},
		{"GET", "/.latchkey/signed-out", client, 200},
		{"GET", "/.latchkey/assets/none", quic, 404},
	} {
		for _, value := range []string{"1", "0", ""} {
			r := prepared(tt.method, tt.target)
			switch tt.early {
			case quic:
				state := *r.TLS
				state.HandshakeComplete = false
				r.TLS = &state
			case proxy:
				caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true)
				r.Header.Set("Early-Data", value)
			case client:
				r.Header.Set("Early-Data", value)
			}
			got := outcome(t, h, r, func(r *http.Request) {
				if _, said := r.Header["Early-Data"]; said != (tt.early == proxy) {
					t.Errorf("%+v: Early-Data goes on: %v", tt, said)
				}
			})
			if got != tt.want {
				t.Errorf("%+v, %q: %d", tt, value, got)
			}
		}
	}
}
