package bearer

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// field is a parameter of a challenge.
type field struct{ name, value string }

// challenge writes a challenge. Clients look for the parameters that they need in the whole text, also in what is quoted, so
// those stand before every text of ours; and they read an empty challenge as none.
func challenge(scheme string, fields ...field) string {
	b := append(make([]byte, 0, 256), scheme...)
	separator := " "
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		b = append(append(append(b, separator...), f.name...), `="`...)
		b = append(append(b, quoted(f.value)...), '"')
		separator = ", "
	}
	return string(b)
}

// quoted makes a text part of a quoted-string (RFC 9110, section 5.6.4).
func quoted(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, text)
}

// Challenges returns the values of WWW-Authenticate for a request without a credential (RFC 6750, section 3; RFC 7617; RFC
// 9728, section 5.1). Their order matters: most clients read the first one alone. Those of git, WebDAV and registries know
// Basic, and some forget a stored token if they are not asked for it; all others are asked for an access token first. A page
// is not asked for Basic.
func (s *Resource) Challenges(r *http.Request, v *access.Visit) []string {
	var basic, bearer []string
	if s.Basic && !ofPage(r) {
		basic = []string{basicChallenge(v.Origin)}
	}
	if !s.NoBearer {
		known := s.fields(v)
		bearer = []string{challenge(schemeBearer, known[0], known[1], field{"realm", v.Origin})}
	}
	if knowsBasic(r) {
		return append(basic, bearer...)
	}
	return append(bearer, basic...)
}

func basicChallenge(origin string) string {
	return challenge(schemeBasic, field{"realm", origin}, field{"charset", "UTF-8"})
}

func (s *Resource) fields(v *access.Visit) [2]field {
	var address string
	if s.Published {
		address = s.address(v.Origin, v.Return)
	}
	return [2]field{{"resource_metadata", address}, {"scope", strings.Join(s.Scopes, " ")}}
}

// Refuse answers a request whose token is refused.
func (s *Resource) Refuse(w http.ResponseWriter, r *http.Request, v *access.Visit, p Presented, why *Refused) {
	switch {
	case p.Scheme != schemeBasic && why.Code != "":
		s.challenge(w, v, p, why.Code, why.Says)
	case why.Status == http.StatusUnauthorized:
		w.Header()[authenticate] = []string{basicChallenge(v.Origin)}
	}
	if why.Wait > 0 {
		w.Header()["Retry-After"] = []string{strconv.Itoa(int((why.Wait + time.Second - 1) / time.Second))}
	}
	title := why.title
	if title == "" {
		title = sentence(why.Says)
	}
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: title, Status: why.Status, Reason: why.Reason, RequestID: v.RequestID,
	})
}

func (s *Resource) challenge(w http.ResponseWriter, v *access.Visit, p Presented, code, says string, more ...field) {
	known := s.fields(v)
	fields := append(make([]field, 0, 8), field{"error", code})
	fields = append(append(fields, more...), known[0], known[1])
	scheme := schemeBearer
	if p.Scheme == schemeDPoP {
		scheme = schemeDPoP
		fields = append(fields, field{"algs", strings.Join(ProofAlgorithms(), " ")})
	}
	w.Header()[authenticate] = []string{challenge(scheme, append(fields, field{"error_description", says})...)}
}

// authenticate is WWW-Authenticate as net/http spells it.
const authenticate = "Www-Authenticate"

// StepUp answers a request whose token does not show a sign-in that is strong or recent enough (RFC 9470, section 3). The
// program gets a new token that does, with the parameters that the answer names.
func (s *Resource) StepUp(w http.ResponseWriter, r *http.Request, v *access.Visit, p Presented, why *access.Refusal, d *oidc.Demand, contexts []string) {
	var more []field
	if len(contexts) > 0 {
		more = append(more, field{"acr_values", strings.Join(contexts, " ")})
	}
	if d.Reauthenticate || d.PromptLogin {
		more = append(more, field{"max_age", strconv.Itoa(int(d.MaxAge / time.Second))})
	}
	s.challenge(w, v, p, codeInsufficientSignIn, "a stronger or more recent sign-in is required", more...)
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "A stronger sign-in is required", Status: http.StatusUnauthorized, Reason: why.Reason, Code: int(why.Code), RequestID: v.RequestID,
	})
}

// Deny answers a request that the policies refuse. Another token of the same user would not change that.
func Deny(w http.ResponseWriter, r *http.Request, v *access.Visit, why *access.Refusal) {
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "Access denied", Status: http.StatusForbidden, Reason: why.Reason, Code: int(why.Code), RequestID: v.RequestID,
	})
}

// Unavailable answers a request for which it is not known whether its token is good.
func Unavailable(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	w.Header().Set("Retry-After", strconv.Itoa(int(access.RetryAfter/time.Second)))
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "The token cannot be verified now", Status: http.StatusServiceUnavailable, Reason: ReasonUnverifiable, RequestID: v.RequestID,
	})
}

// StepUpInBrowser answers a request with a token of Latchkey whose user must sign in more strongly or again. The token stays
// good, so the answer is no 401: a client would forget the token.
func StepUpInBrowser(w http.ResponseWriter, r *http.Request, v *access.Visit, why *access.Refusal) {
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "The user of the token must sign in again in a browser", Status: http.StatusForbidden, Reason: why.Reason, Code: int(why.Code), RequestID: v.RequestID,
	})
}

// NotHere answers a program that looks for an authorization server at the site.
func NotHere(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "There is no authorization server here", Status: http.StatusNotFound, Reason: ReasonNoServer, RequestID: v.RequestID,
	})
}

// ReasonNoServer is the reason of NotHere.
const ReasonNoServer = "no_authorization_server"

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
