// Command latchkey is Caddy with Latchkey built in: the result of `xcaddy build --with`, pinned by this module's go.sum,
// and the demo.
package main

import (
	"runtime/debug"
	_ "time/tzdata"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/latchkey-gateway/latchkey/caddymodule"
	"github.com/latchkey-gateway/latchkey/cmd/latchkey/demo"
)

func main() {
	caddy.CustomBinaryName = "latchkey"
	caddy.CustomLongDescription = description
	caddy.CustomVersion = version()
	caddycmd.RegisterCommand(demo.Command())
	caddycmd.Main()
}

const description = `Latchkey is a session gateway built on Caddy. It stands in front of web apps,
signs people in with OpenID Connect, asks them "Stay signed in?", remembers the
answer, and holds every request against the rules in the Caddyfile.

To see it at work on this machine, with nothing else to install:

	$ latchkey demo

To run it with a Caddyfile, and to check one first:

	$ latchkey validate --config Caddyfile
	$ latchkey run --config Caddyfile

Latchkey is all of Caddy too: every Caddy command, directive and module of the
standard distribution is here and works as Caddy's documentation says.`

// release is the version of a binary that the linker was told (-X main.release=...): a checkout of git need not be at hand.
var release string

// version returns the text before Caddy's own version in the line of `latchkey version`.
func version() string {
	v := "(devel)"
	if release != "" {
		v = release
	} else if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		v = b.Main.Version
	}
	return "latchkey " + v + ", Caddy"
}
