package command

import (
	"context"
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// bearer checks the issuers of the access tokens that a site accepts. A provider has a check of its own.
func (d *doctor) bearer(ctx context.Context, h *site.Site) (found []finding) {
	say := func(level, text string) { found = append(found, finding{level, "bearer", h.App, text}) }
	why := func(err error) string { return adminapi.OneLine(oidc.Truncated(err)).Error() }
	for _, issuer := range h.Programs.Issuers {
		if issuer.Server == nil {
			continue
		}
		if keys, err := issuer.Server.Examine(ctx); err != nil {
			say(findFail, "the metadata or the keys of "+issuer.ID+" cannot be used: "+why(err)+"; no access token can be verified")
		} else {
			say(findOK, fmt.Sprintf("the issuer of its tokens answers, and has %d usable keys", keys))
		}
	}
	if h.Bearer.Introspect != nil {
		if at, err := h.Programs.Issuers[0].Introspection(ctx); err != nil {
			say(findFail, "the issuer cannot be asked about tokens that are no JWT: "+why(err))
		} else {
			say(findOK, "tokens that are no JWT are asked about at "+at)
		}
	}
	if h.Bearer.Metadata == nil {
		say(findOK, "programs are not told where to get a token: MCP clients need metadata")
	}
	return found
}
