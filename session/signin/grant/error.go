package grant

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Kind is the meaning of an answer without tokens.
type Kind uint8

const (
	// Unreadable means that it is not an answer of a token endpoint, or has no known meaning. Another server may have
	// sent it, for instance a proxy in front of the provider.
	Unreadable Kind = iota
	// Over means that the grant has ended; only a new sign-in helps.
	Over
	// Doubtful means that the grant is refused with an error that can mean its end, but also a temporary problem.
	Doubtful
	// Client means that the client or the form of the request is refused, for any grant.
	Client
	// Down means that the provider cannot answer now, or cannot be reached.
	Down
)

// Error is the reason why there are no tokens.
type Error struct {
	Kind Kind
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Word is the error code (RFC 6749, section 5.2), empty if there is no usable one.
	Word string
	// Codes are the numbers of Entra's error_codes, Suberror its suberror.
	Codes    []int
	Suberror string
	// Says is the error_description, limited in length, escaped and without the secrets that we sent. It is only for
	// the log.
	Says string
	// Challenge is Entra's claims challenge: the value of the parameter claims that the provider demands in the next
	// authorization request. Empty if there is no usable one.
	Challenge string
	// NotSent: there was no connection, so the provider has received nothing.
	NotSent bool
	// Silent: there was a connection, and no answer came in time.
	Silent bool

	cause error
}

// Error contains nothing that the provider wrote except Word, Codes and Suberror.
func (e *Error) Error() string {
	switch {
	case e.Word != "":
		return "provider refused: " + e.Detail()
	case e.cause != nil:
		return "provider: " + e.cause.Error()
	case e.Status != 0:
		return "provider answers " + strconv.Itoa(e.Status)
	}
	return "provider: no answer"
}

func (e *Error) Unwrap() error { return e.cause }

// Detail returns the word followed by Entra's codes and suberror; empty without a word.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Word)
	for _, code := range e.Codes {
		b.WriteString(" " + strconv.Itoa(code))
	}
	if e.Suberror != "" {
		b.WriteString(" " + e.Suberror)
	}
	return strings.TrimSpace(b.String())
}

// Has reports whether Entra sent one of these codes.
func (e *Error) Has(codes ...int) bool {
	for _, have := range e.Codes {
		for _, code := range codes {
			if have == code {
				return true
			}
		}
	}
	return false
}

// words are the error codes with a known meaning; docs/renewal.md lists them. Any other one is Doubtful.
var words = map[string]Kind{
	// RFC 6749, section 5.2; the others there are Doubtful.
	"invalid_grant": Over,
	// OpenID Connect Core, section 3.1.2.6, and Unmet Authentication Requirements; RFC 9470, section 3.
	"interaction_required": Over, "login_required": Over, "consent_required": Over, "account_selection_required": Over,
	"unmet_authentication_requirements": Over, "insufficient_user_authentication": Over,
	// RFC 6749, section 5.2; RFC 9449, section 5.
	"invalid_client": Client, "unsupported_grant_type": Client, "invalid_dpop_proof": Client, "use_dpop_nonce": Client,
	// RFC 6749, section 4.1.2.1, which providers also use here; RFC 8628, section 3.5.
	"server_error": Down, "temporarily_unavailable": Down, "slow_down": Down,
}

// Limits for a refusal.
const (
	maxWord  = 64
	maxCodes = 8
)

// refusal parses an answer with a status other than 2xx.
func refusal(status int, body []byte, secrets []string) *Error {
	e := &Error{Kind: Unreadable, Status: status}
	var said map[string]json.RawMessage
	if json.Unmarshal(body, &said) == nil {
		e.Word = Word(text(said["error"]))
		e.Suberror = Word(text(said["suberror"]))
		if json.Unmarshal(said["error_codes"], &e.Codes) != nil {
			e.Codes = nil
		}
		e.Codes = e.Codes[:min(len(e.Codes), maxCodes)]
		e.Says = Say(text(said["error_description"]), secrets...)
	}
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		e.Kind = Down
	case status < http.StatusBadRequest || e.Word == "":
		e.Word = "" // no refusal has such a status (RFC 6749, section 5.2)
	default:
		e.Kind = Doubtful
		if kind, known := words[e.Word]; known {
			e.Kind = kind
		}
		if e.Kind == Over || e.Kind == Doubtful {
			e.Challenge = challengeOf(said["claims"])
		}
		if e.Challenge != "" {
			e.Kind = Over // it demands a new sign-in
		}
	}
	return e
}

// Word returns s if it is an error code (RFC 6749, appendix A.7) with usual characters and length; else an empty
// string.
func Word(s string) string {
	if len(s) > maxWord || strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}) >= 0 {
		return ""
	}
	return s
}
