package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A real MCP server behind the gateway, and a real client that is told nothing but its address (npm's official SDK): it finds
// the provider from the 401 alone, registers, signs its user in, calls a tool and ends its session. It asks the site for nothing
// that the site is not. Where programs may have tokens of their users as well, it goes the same way.
func TestMCP(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"access tokens alone": "", "beside personal tokens": "tokens on\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mcp(t, more)
		})
	}
}

func mcp(t *testing.T, more string) {
	t.Helper()
	const sdk = "@modelcontextprotocol/sdk"
	var server struct{ Port int }
	rig.RunNode(t, sdk, "mcp/server.mjs")(&server)
	port := rig.FreePort(t)
	resource := fmt.Sprintf("http://127.0.0.1:%d/mcp", port)
	s := newSite(t, config{
		port: port, before: fmt.Sprintf("reverse_proxy /mcp* 127.0.0.1:%d", server.Port),
		site: more + "bearer {\naudience " + resource + "\nscope tools\nmetadata " + resource + "\n}",
		idp: func(ic *rig.IDPConfig) {
			ic.Registration, ic.Auto = true, "alice"
			ic.Resources = map[string]rig.Resource{resource: {Scope: "tools more"}}
		},
	})
	var got struct {
		Asked           []string
		Resource, Scope string
		Tools           []string
		Said            struct{ User, Token string }
	}
	rig.RunNode(t, sdk, "mcp/client.mjs", resource)(&got)
	if got.Resource != resource || got.Scope != "tools" || !slices.Equal(got.Tools, []string{"whoami"}) || got.Said.User != "alice" || got.Said.Token != "" {
		t.Errorf("%+v", got)
	}
	begin := []string{
		"POST /mcp 401", "GET /.well-known/oauth-protected-resource/mcp 200", "GET provider/.well-known/oauth-authorization-server 200",
		"POST provider/reg 201", "GET /.well-known/oauth-protected-resource/mcp 200", "GET provider/.well-known/oauth-authorization-server 200",
		"POST provider/token 200", "POST /mcp 200",
	}
	if len(got.Asked) < len(begin) || !slices.Equal(got.Asked[:len(begin)], begin) {
		t.Errorf("the way to the token: %s", strings.Join(got.Asked, ", "))
	}
	if last := got.Asked[len(got.Asked)-1]; last != "DELETE /mcp 200" {
		t.Errorf("at the end: %s", strings.Join(got.Asked, ", "))
	}
	for _, e := range s.gw.AwaitSignIns(0, 1, rig.Patience) {
		if e.Text("userPrincipalName") != "alice" || e["isInteractive"] != false {
			t.Errorf("sign-in log: %v", e)
		}
	}
}
