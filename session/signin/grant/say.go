package grant

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxSaid bounds what a provider may write into our log at a time.
	maxSaid = 300
	// minSecret is how short a secret may be that is looked for: a shorter one would blot out words.
	minSecret = 6
	redacted  = "[redacted]"
)

// opaque is what looks like a token that we do not know. An id of 36 characters, as Entra names its traces, is none.
var opaque = regexp.MustCompile(`[A-Za-z0-9_.~+/=-]{40,}`)

// Say makes a text of a provider fit for a log line: bounded, every character that does not print escaped, and without
// the secrets and what looks like one.
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

// secretsOf are what a form says in confidence.
func secretsOf(form url.Values, clientSecret string) []string {
	secrets := []string{clientSecret}
	for _, name := range []string{"code", "code_verifier", "refresh_token", "client_secret", "client_assertion"} {
		secrets = append(secrets, form[name]...)
	}
	return secrets
}
