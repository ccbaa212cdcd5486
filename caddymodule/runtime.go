package caddymodule

import "github.com/caddyserver/caddy/v2"

func init() {
	caddy.RegisterModule(new(App))
	caddy.RegisterModule(new(Handler))
}

type (
	appRuntime     struct{}
	handlerRuntime struct{}
)

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey", New: func() caddy.Module { return new(App) }}
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.latchkey", New: func() caddy.Module { return new(Handler) }}
}
