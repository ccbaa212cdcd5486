package app

import (
	"net/netip"
	"strings"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/agentname"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// deviceNames returns names of browsers and networks for the page with the user's own sessions. The networks are those
// of the configuration.
type deviceNames struct{ networks *policy.Set }

func (deviceNames) Describe(agent string) access.Device {
	names := agentname.Of(agent)
	return access.Device{Browser: names.Browser, System: names.System, Form: pages.Form(names.Form)}
}

func (c deviceNames) Network(ip netip.Addr) string {
	return strings.Join(c.networks.Locate(ip).Networks, ", ")
}

// signInReader returns the stored sign-in log for the user's own page; nil if there is none.
func (a *App) signInReader() access.SignIns {
	if a.signIns == nil {
		return nil
	}
	return a.signIns
}
