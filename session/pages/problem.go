package pages

import (
	"net/http"
	"slices"
	"time"
)

// Kind is the kind of a problem: a key below "problem." of the texts. An unknown one reads like KindInternal.
type Kind string

// The kinds, with the default status of each.
const (
	KindIDPDown       Kind = "idp_down"        // 503: the provider does not answer
	KindClaimsOld     Kind = "claims_old"      // 503: the provider does not answer, and the session's claims are too old to continue
	KindNoAccessToken Kind = "no_access_token" // 503: the app needs an access token, and the provider gives none now
	KindStoreDown     Kind = "store_down"      // 503: the session store does not answer; no session was lost
	KindFlowLost      Kind = "flow_lost"       // 400: a callback or an answer without its flow
	KindBadRequest    Kind = "bad_request"     // 400
	KindStaleForm     Kind = "stale_form"      // 403: a post without a valid token; nothing was changed
	KindFormNotSent   Kind = "form_not_sent"   // 401: a form was sent after the user's session had ended
	KindStrongerFirst Kind = "stronger_first"  // 401: a form was sent, but the user must sign in more strongly first
	KindFormKept      Kind = "form_kept"       // 401: like KindFormNotSent; the form is kept and can be sent again
	KindStrongerKept  Kind = "stronger_kept"   // 401: like KindStrongerFirst; the form is kept and can be sent again
	KindFormGone      Kind = "form_gone"       // 410: the kept form was sent, dropped or kept for too long
	KindTooMany       Kind = "too_many"        // 429
	KindLateAnswer    Kind = "late_answer"     // 400: the prompt was answered after its deadline
	KindEnded         Kind = "ended"           // 403: the user's sessions were ended during the sign-in
	// KindEndedByProvider: 403, like KindEnded, or the user comes back: the provider had the sessions ended.
	KindEndedByProvider Kind = "ended_by_provider"
	KindLoop            Kind = "loop"           // 400: sign-in leads back to sign-in (50196)
	KindProviderError   Kind = "provider_error" // 502: the provider answered with an error, or with an invalid answer
	KindDeclined        Kind = "declined"       // 403: the user or the provider declined (65004)
	KindCancelled       Kind = "cancelled"      // 200: the prompt was cancelled
	KindInsecure        Kind = "insecure"       // 400: plain http, over which a cookie cannot be protected
	KindNotFound        Kind = "not_found"      // 404
	KindMethod          Kind = "method"         // 405
	KindInternal        Kind = "internal"       // 500
)

var kinds = map[Kind]int{
	KindIDPDown:         http.StatusServiceUnavailable,
	KindClaimsOld:       http.StatusServiceUnavailable,
	KindNoAccessToken:   http.StatusServiceUnavailable,
	KindStoreDown:       http.StatusServiceUnavailable,
	KindFlowLost:        http.StatusBadRequest,
	KindBadRequest:      http.StatusBadRequest,
	KindStaleForm:       http.StatusForbidden,
	KindFormNotSent:     http.StatusUnauthorized,
	KindStrongerFirst:   http.StatusUnauthorized,
	KindFormKept:        http.StatusUnauthorized,
	KindStrongerKept:    http.StatusUnauthorized,
	KindFormGone:        http.StatusGone,
	KindTooMany:         http.StatusTooManyRequests,
	KindLateAnswer:      http.StatusBadRequest,
	KindEnded:           http.StatusForbidden,
	KindEndedByProvider: http.StatusForbidden,
	KindLoop:            http.StatusBadRequest,
	KindProviderError:   http.StatusBadGateway,
	KindDeclined:        http.StatusForbidden,
	KindCancelled:       http.StatusOK,
	KindInsecure:        http.StatusBadRequest,
	KindNotFound:        http.StatusNotFound,
	KindMethod:          http.StatusMethodNotAllowed,
	KindInternal:        http.StatusInternalServerError,
}

// Problem describes a problem and offers a way out. It has no field for a provider's error_description: that text is
// untrusted and only logged.
type Problem struct {
	// Status is used when Write gets none; zero means the default of the kind.
	Status int
	Kind   Kind
	// Why is what the provider reported, for KindEndedByProvider.
	Why Why
	// RequestID identifies the log entry; may be empty.
	RequestID string
	// Code is the code of the sign-in log entry; zero if there is none.
	Code int
	// Time is when it happened; the zero time omits it.
	Time time.Time
	// RetryAfter is shown on the page and sent as Retry-After, rounded up to seconds; zero omits both.
	RetryAfter time.Duration
	// ActionURL is the action that the text names (try again, sign in again). HomeURL is the alternative.
	ActionURL, HomeURL string
}

func (Problem) template() string { return "problem" }

func (p Problem) requestID() string { return p.RequestID }

// Reason returns the kind as the word for scripts.
func (p Problem) Reason() string { return string(p.known()) }

// StatusCode returns the HTTP status of the problem.
func (p Problem) StatusCode() int { return p.status() }

func (p Problem) status() int {
	if p.Status != 0 {
		return p.Status
	}
	return kinds[p.known()]
}

func (p Problem) title() (string, []string) { return p.Key() + ".title", nil }

// Key returns the text key that explains the problem.
func (p Problem) Key() string { return "problem." + string(p.known()) }

func (p Problem) known() Kind {
	if _, ok := kinds[p.Kind]; ok {
		return p.Kind
	}
	return KindInternal
}

// Because returns the text key of Why; empty if there is nothing to say.
func (p Problem) Because() string { return p.Why.key() }

// Why is what a provider reported about a user: a key below "ended." of the texts. An unknown one is not shown.
type Why string

// The reasons.
const (
	WhyAccount    Why = "account"
	WhyCredential Why = "credential"
	WhyCompromise Why = "compromise"
	WhyIdentifier Why = "identifier"
	WhySessions   Why = "sessions"
)

var whys = []Why{WhyAccount, WhyCredential, WhyCompromise, WhyIdentifier, WhySessions}

func (y Why) key() string {
	if !slices.Contains(whys, y) {
		return ""
	}
	return "ended." + string(y)
}
