package site

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// asHeld is the request as rules see it. An extended CONNECT (RFC 8441, RFC 9220) is a GET with `Upgrade` to the
// application, because reverse_proxy makes it one, so a rule for GET has to hold for it (field trial 2.2).
func asHeld(r *http.Request) *http.Request {
	if r.Method != http.MethodConnect {
		return r
	}
	held := *r
	held.Method = http.MethodGet
	return &held
}

// connectPlaceholders are what an expression reads a method and a version from. quic-go has the protocol of an extended
// CONNECT, which the client chooses, in place of the version.
var connectPlaceholders = []string{"http.request.method", "http.request.orig_method", "http.request.proto", "http.request.proto_name"}

// holdConnect has placeholders say what asHeld says until the request is passed on.
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
