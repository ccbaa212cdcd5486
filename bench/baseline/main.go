// Command baseline is what the cost of a request is compared with: Caddy of the version in go.mod, and a handler in the place
// of latchkey that does nothing. It has nothing else of Latchkey, so that no byte of ours counts as Caddy's.
package main

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func init() {
	caddy.RegisterModule(passing{})
	httpcaddyfile.RegisterHandlerDirective("latchkey", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		if h.NextArg() || h.NextBlock(0) {
			return nil, h.ArgErr()
		}
		return passing{}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("latchkey", httpcaddyfile.Before, "basic_auth")
}

func main() { caddycmd.Main() }

// passing passes every request on.
type passing struct{}

// CaddyModule tells Caddy about the handler.
func (passing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.latchkey", New: func() caddy.Module { return passing{} }}
}

// ServeHTTP does nothing but that.
func (passing) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}
