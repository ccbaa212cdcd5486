package scrub

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// What the identifiers of the gateway's own bound sessions, and the challenges of the gateway, begin with.
const (
	BoundIdentifier = "!latchkey-"
	BoundChallenge  = "latchkey."
)

// maxProof is up to which length a proof is read. The gateway itself takes no longer one.
const maxProof = 4 << 10

// Binding removes from a request for the app what a browser says about a session that the gateway has bound to its device:
// the name of the session, and a proof that answers a challenge of the gateway. An app may bind sessions of its own: what
// is about those stays as it is. It returns the reasons for which the browser says that it did not refresh the gateway's
// session, as the client wrote them; at most maxSkips.
func Binding(h http.Header) (reasons []string) {
	if values, ok := h["Sec-Secure-Session-Id"]; ok && anyOf(values, func(v string) bool { return strings.HasPrefix(unquoted(v), BoundIdentifier) }) {
		delete(h, "Sec-Secure-Session-Id")
	}
	if values, ok := h["Secure-Session-Response"]; ok && anyOf(values, answersOurs) {
		delete(h, "Secure-Session-Response")
	}
	if values, ok := h["Secure-Session-Skipped"]; ok {
		reasons = skipped(h, values)
	}
	return reasons
}

// maxSkips is how many reasons of one request count.
const maxSkips = 8

func anyOf(values []string, is func(string) bool) bool {
	for _, v := range values {
		if is(v) {
			return true
		}
	}
	return false
}

// unquoted returns a value of structured fields (RFC 9651) without its quotes, which Chromium does not send.
func unquoted(v string) string { return strings.TrimLeft(v, "\" \t") }

// answersOurs reports whether a proof answers a challenge of the gateway. What cannot be read does not.
func answersOurs(proof string) bool {
	_, rest, ok := strings.Cut(strings.Trim(proof, "\" \t"), ".")
	if !ok || len(proof) > maxProof {
		return false
	}
	payload, _, _ := strings.Cut(rest, ".")
	plain, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return false
	}
	var claims struct {
		Challenge string `json:"jti"`
	}
	return json.Unmarshal(plain, &claims) == nil && strings.HasPrefix(claims.Challenge, BoundChallenge)
}

// skipped removes the items of a list that name a session of the gateway, and returns what they begin with. Quotes protect
// a comma.
func skipped(h http.Header, values []string) (reasons []string) {
	var kept []string
	ours := false
	for _, line := range values {
		for line != "" {
			var item string
			item, line = cutItem(line)
			if _, name, ok := strings.Cut(item, "session_identifier="); ok && strings.HasPrefix(unquoted(name), BoundIdentifier) {
				ours = true
				if reason, _, _ := strings.Cut(item, ";"); len(reasons) < maxSkips {
					reasons = append(reasons, strings.Trim(reason, "\" \t"))
				}
				continue
			}
			if item = strings.Trim(item, " \t"); item != "" {
				kept = append(kept, item)
			}
		}
	}
	switch {
	case !ours:
	case len(kept) == 0:
		delete(h, "Secure-Session-Skipped")
	default:
		h["Secure-Session-Skipped"] = []string{strings.Join(kept, ", ")}
	}
	return reasons
}

// cutItem cuts a list at the first comma that does not stand in quotes.
func cutItem(line string) (item, rest string) {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ',' && !quoted:
			return line[:i], line[i+1:]
		}
	}
	return line, ""
}
