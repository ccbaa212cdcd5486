package lint

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// Remark is a finding about a provider.
type Remark struct {
	// Fatal: no user can sign in.
	Fatal bool
	Text  string
}

// Prompt returns the effects of `auth_param prompt` on every sign-in. For unasked see Unasked. A silent recheck always
// uses prompt=none.
func Prompt(value string, unasked bool) (found []Remark) {
	for _, word := range strings.Fields(value) {
		switch {
		case word == "none":
			found = append(found, Remark{true, "auth_param prompt none: the provider may show no page, so a user who is not signed in there cannot sign in"})
		case word == "login":
			found = append(found, Remark{false, "auth_param prompt login: users authenticate at the provider at each sign-in, also while they are signed in there"})
		case word == "consent" && unasked:
			found = append(found, Remark{false, "auth_param prompt consent: \"Stay signed in?\" is not asked after a consent, so all sessions end with the browser, unless `suppress` of stay_signed_in leaves out consent"})
		}
	}
	return found
}

// Unasked reports whether "Stay signed in?" is not asked because of a consent page.
func Unasked(p *access.PromptConfig) bool { return !p.Off && p.Suppress.Consent }
