package grant

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxSaid is the longest text of a provider in one log line.
	maxSaid = 300
	// minSecret is the length of the shortest secret that is removed; removing a shorter one would remove normal words.
	minSecret = 6
	redacted  = "[redacted]"
)

// opaque matches text that looks like an unknown token. An ID of 36 characters, as in Entra's traces, does not match.
var opaque = regexp.MustCompile(`[A-Za-z0-9_.~+/=-]{40,}`)

// Say makes a text of a provider safe for a log line: limited in length, with non-printing characters escaped, and
// without the secrets and anything that looks like one.
func Say(text string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			text = strings.ReplaceAll(text, secret, redacted)
			text = strings.ReplaceAll(text, url.QueryEscape(secret), redacted)
		}
	}
	text = opaque.ReplaceAllString(text, redacted)
	var b strings.Builder
	for _, r := range text {
		if b.Len() >= maxSaid {
			b.WriteString("...")
			break
		}
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// secretsOf returns the secrets in a form.
func secretsOf(form url.Values, clientSecret string) []string {
	secrets := []string{clientSecret}
	for _, name := range []string{"code", "code_verifier", "refresh_token", "client_secret", "client_assertion", "subject_token"} {
		secrets = append(secrets, form[name]...)
	}
	return secrets
}
