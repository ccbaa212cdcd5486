package site

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// asHeld returns the request in the form in which rules check it. reverse_proxy sends an extended CONNECT (RFC 8441,
// RFC 9220) to the application as a GET with `Upgrade`, so rules for GET must apply to it (field trial 2.2).
func asHeld(r *http.Request) *http.Request {
	if r.Method != http.MethodConnect {
		return r
	}
	held := *r
	held.Method = http.MethodGet
	return &held
}

// connectPlaceholders are the placeholders from which an expression reads the method and the version. For an extended
// CONNECT, quic-go stores the protocol, which the client chooses, as the version.
var connectPlaceholders = []string{"http.request.method", "http.request.orig_method", "http.request.proto", "http.request.proto_name"}

// holdConnect gives the placeholders the values of asHeld until the request is passed on.
func holdConnect(r *http.Request, next caddyhttp.Handler) caddyhttp.Handler {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return next
	}
	version := fmt.Sprintf("HTTP/%d", r.ProtoMajor)
	for i, value := range []string{http.MethodGet, http.MethodGet, version + ".0", version} {
		repl.Set(connectPlaceholders[i], value)
	}
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		for _, name := range connectPlaceholders {
			repl.Delete(name)
		}
		return next.ServeHTTP(w, r)
	})
}
