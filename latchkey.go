// Package latchkey lets `xcaddy build --with github.com/latchkey-gateway/latchkey` find the modules:
// a Caddy plugin is named by its module path, and the modules themselves live in caddymodule.
package latchkey

import _ "github.com/latchkey-gateway/latchkey/caddymodule" // registers the Caddy modules
