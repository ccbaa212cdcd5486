package signin

import (
	"net/url"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// switchURL is the address of a sign-in as another user. The session that there is stays until that one is done. begun
// proves to a site that the link is the sign-in host's; it is empty for a link within one site.
func switchURL(ret, begun string) string {
	origin, path := browser.CutOrigin(ret)
	q := url.Values{"return": {browser.ReturnPath(path)}, "other": {"1"}}
	if begun != "" && origin != "" {
		q.Set("begun", begun)
	}
	return origin + browser.Base + "/sign-in?" + q.Encode()
}

// retryHelps reports whether the same person may get in by signing in once more: from another network or device, or
// once the provider tells their groups. What a policy or the site says about a person stays said.
func retryHelps(why pages.Block) bool {
	return why == pages.BlockNetwork || why == pages.BlockDevice || why == pages.BlockGroups || why == pages.BlockRequirement
}
