// Command latchkey is Caddy with Latchkey built in: the result of `xcaddy build --with`, pinned by this module's go.sum.
package main

import (
	_ "time/tzdata"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "github.com/latchkey-gateway/latchkey/caddymodule"
)

func main() {
	caddycmd.Main()
}
