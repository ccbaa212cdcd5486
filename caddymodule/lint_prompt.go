package caddymodule

import (
	"strings"

	"go.uber.org/zap"
)

// promptRemarks says what `auth_param prompt` does to every sign-in: for `validate` and the start in the log, and for doctor.
// unasked: "Stay signed in?" is not asked after a consent. A silent recheck asks with prompt=none whatever it is.
func promptRemarks(value string, unasked bool) (found []remark) {
	for _, word := range strings.Fields(value) {
		switch {
		case word == "none":
			found = append(found, remark{findFail, "auth_param prompt none: the provider may show no page, so a user who is not signed in there cannot sign in"})
		case word == "login":
			found = append(found, remark{findWarn, "auth_param prompt login: users authenticate at the provider at each sign-in, also while they are signed in there"})
		case word == "consent" && unasked:
			found = append(found, remark{findWarn, "auth_param prompt consent: \"Stay signed in?\" is not asked after a consent, so all sessions end with the browser, unless `suppress` of stay_signed_in leaves out consent"})
		}
	}
	return found
}

// unaskedAfterConsent reports whether it is the consent that keeps "Stay signed in?" from being asked.
func (a *App) unaskedAfterConsent() bool { return !a.rt.prompt.Off && a.rt.prompt.Suppress.Consent }

// warnOfPrompts says in the log what promptRemarks finds. doctor has it from there, with the rest about a provider.
func (a *App) warnOfPrompts() {
	for _, p := range a.rt.providers {
		for _, f := range promptRemarks(p.AuthParams["prompt"], a.unaskedAfterConsent()) {
			a.rt.logger.Warn("provider is hardly meant so", zap.String("provider", p.Name), zap.String("problem", f.text))
		}
	}
}
