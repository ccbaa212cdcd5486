package bearer

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

const (
	// clockSkew is how far the issuer's clock may be ahead of ours.
	clockSkew = time.Minute
	// maxSubject is the longest sub (OpenID Connect Core, section 2), maxClient the longest name of a client.
	maxSubject = 255
	maxClient  = 256
)

// said are the claims about a token that do not concern its user.
type said struct {
	subject, client string
	issued, expires time.Time
	scopes          []string
	thumbprint      string
}

// checkHeader demands the type of an access token (RFC 9068, section 2.1), so that no other token of the same issuer is
// taken for one. With anyType the types that older providers write are accepted as well; checkKind then looks at the claims.
func checkHeader(raw []byte, anyType bool) *Refused {
	header, err := claim.Parse(raw)
	if err != nil || header == nil {
		return badToken(ReasonMalformed, "the token has an unreadable header")
	}
	if _, has := header["crit"]; has {
		return badToken(ReasonKind, "the token demands an extension (crit) that is not understood")
	}
	alg, _ := claim.ParseString(header["alg"])
	accepted := false
	for _, one := range jwks.Algorithms {
		accepted = accepted || string(one) == alg
	}
	if !accepted {
		return badToken(ReasonKind, "the token is signed by an algorithm that is not accepted (alg)")
	}
	typ, isText := claim.ParseString(header["typ"])
	if _, has := header["typ"]; has && !isText {
		return badToken(ReasonKind, "the token has an unreadable type (typ)")
	}
	switch typ = strings.TrimPrefix(strings.ToLower(typ), "application/"); {
	case typ == "at+jwt", anyType && (typ == "" || typ == "jwt"):
		return nil
	}
	return badToken(ReasonKind, "the token is no access token (typ)")
}

// checkKind refuses what is known not to be an access token, for issuers that write no type into the header. clients are
// our own names at the issuer, which are the audience of ID tokens.
func checkKind(claims map[string]json.RawMessage, audience, clients []string) *Refused {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events"} {
		if _, has := claims[name]; has {
			return badToken(ReasonKind, "the token is another kind of token ("+name+")")
		}
	}
	if slices.ContainsFunc(audience, func(aud string) bool { return slices.Contains(clients, aud) }) {
		return badToken(ReasonKind, "the token is an ID token (aud)")
	}
	// Keycloak and Cognito write the kind of a token into a claim.
	switch kind, _ := claim.ParseString(claims["typ"]); strings.ToLower(kind) {
	case "id", "refresh", "offline", "logout":
		return badToken(ReasonKind, "the token is another kind of token (claim typ)")
	}
	switch use, _ := claim.ParseString(claims["token_use"]); use {
	case "", "access":
		return nil
	}
	return badToken(ReasonKind, "the token is another kind of token (claim token_use)")
}

// read reads the claims of a JWT, or of the answer to an introspection, in which the times are optional (RFC 7662, section
// 2.2). now is the time by which they are judged.
func read(claims map[string]json.RawMessage, now time.Time, introspected bool) (s said, _ *Refused) {
	var ok bool
	if s.subject, ok = claim.ParseString(claims["sub"]); !ok || s.subject == "" || len(s.subject) > maxSubject || strings.ContainsFunc(s.subject, claim.IsControl) {
		return s, badToken(ReasonClaims, "the token has no usable sub")
	}
	for _, one := range []struct {
		name     string
		to       *time.Time
		required bool
	}{{"exp", &s.expires, !introspected}, {"iat", &s.issued, !introspected}} {
		raw, has := claims[one.name]
		if *one.to, ok = claim.Time(raw); !ok && (has || one.required) {
			return s, badToken(ReasonClaims, "the token has no usable "+one.name)
		}
	}
	notBefore, ok := claim.Time(claims["nbf"])
	if _, has := claims["nbf"]; has && !ok {
		return s, badToken(ReasonClaims, "the token has an unusable nbf")
	}
	switch {
	case !s.expires.IsZero() && !s.expires.After(now):
		return s, badToken(ReasonExpired, "the token has expired")
	case notBefore.After(now.Add(clockSkew)), s.issued.After(now.Add(clockSkew)):
		return s, badToken(ReasonNotYet, "the token is not good yet (nbf, iat): compare the clocks")
	}
	for _, name := range []string{"client_id", "azp", "appid", "cid"} { // RFC 9068; OpenID Connect; Entra; Okta
		raw, has := claims[name]
		if !has {
			continue
		}
		if s.client, ok = claim.ParseString(raw); !ok || len(s.client) > maxClient || strings.ContainsFunc(s.client, claim.IsControl) {
			return s, badToken(ReasonClaims, "the token has an unusable "+name)
		}
		break
	}
	for _, name := range []string{"scope", "scp"} {
		scopes, ok := words(claims[name])
		if !ok {
			return s, badToken(ReasonClaims, "the token has an unusable "+name)
		}
		s.scopes = append(s.scopes, scopes...)
	}
	return s, s.confirmation(claims["cnf"])
}

// confirmation reads to which key the token is bound. A way to bind it that is not verified here refuses the token: to
// ignore it would let a stolen token in.
func (s *said) confirmation(raw json.RawMessage) *Refused {
	if raw == nil {
		return nil
	}
	cnf, err := claim.Parse(raw)
	if err != nil || cnf == nil {
		return badToken(ReasonClaims, "the token has an unusable cnf")
	}
	var ok bool
	if s.thumbprint, ok = claim.ParseString(cnf["jkt"]); !ok || len(s.thumbprint) != thumbprintSize || len(cnf) != 1 {
		return badToken(ReasonBound, "the token is bound to a key in a way that is not verified here (cnf)")
	}
	return nil
}

// words reads a list of scopes: a text with spaces between them (RFC 9068, section 2.2.3), or a list of texts.
func words(raw json.RawMessage) ([]string, bool) {
	if raw == nil {
		return nil, true
	}
	if text, ok := claim.ParseString(raw); ok {
		return strings.Fields(text), true
	}
	return texts(raw)
}

// audienceOf reads the audiences of a token: a text or a list of texts (RFC 7519, section 4.1.3).
func audienceOf(raw json.RawMessage) ([]string, bool) {
	if one, ok := claim.ParseString(raw); ok {
		return []string{one}, true
	}
	return texts(raw)
}

func texts(raw json.RawMessage) (list []string, ok bool) {
	var elements []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &elements) != nil || elements == nil {
		return nil, false
	}
	for _, e := range elements {
		text, ok := claim.ParseString(e)
		if !ok {
			return nil, false
		}
		list = append(list, text)
	}
	return list, true
}
