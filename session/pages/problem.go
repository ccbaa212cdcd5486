package pages

import (
	"net/http"
	"time"
)

// Kind is what went wrong: a key below "problem." of the texts. An unknown one reads like KindInternal.
type Kind string

// The kinds that exist, with the default status of each.
const (
	KindIDPDown       Kind = "idp_down"       // 503: the provider does not answer
	KindClaimsOld     Kind = "claims_old"     // 503: the provider does not answer, and the session's claims are too old to go on
	KindStoreDown     Kind = "store_down"     // 503: the session store does not answer; no session was lost
	KindFlowLost      Kind = "flow_lost"      // 400: a callback or an answer without its flow
	KindBadRequest    Kind = "bad_request"    // 400
	KindStaleForm     Kind = "stale_form"     // 403: a post without a valid token; nothing was done
	KindFormNotSent   Kind = "form_not_sent"  // 401: a form was sent by somebody whose session is over
	KindStrongerFirst Kind = "stronger_first" // 401: a form was sent by somebody who must sign in more strongly first
	KindFormKept      Kind = "form_kept"      // 401: like KindFormNotSent, and the form waits to be sent again
	KindStrongerKept  Kind = "stronger_kept"  // 401: like KindStrongerFirst, and the form waits to be sent again
	KindFormGone      Kind = "form_gone"      // 410: the form that waited was sent, dropped or kept for too long
	KindTooMany       Kind = "too_many"       // 429
	KindLateAnswer    Kind = "late_answer"    // 400: the prompt was answered after its deadline
	KindEnded         Kind = "ended"          // 403: the person's sessions were ended while they signed in
	KindLoop          Kind = "loop"           // 400: sign-in leads back to sign-in (50196)
	KindProviderError Kind = "provider_error" // 502: the provider answered with an error, or with something invalid
	KindDeclined      Kind = "declined"       // 403: the person or the provider said no (65004)
	KindCancelled     Kind = "cancelled"      // 200: the prompt was cancelled
	KindInsecure      Kind = "insecure"       // 400: plain http where a cookie could not be protected
	KindNotFound      Kind = "not_found"      // 404
	KindMethod        Kind = "method"         // 405
	KindInternal      Kind = "internal"       // 500
)

var kinds = map[Kind]int{
	KindIDPDown:       http.StatusServiceUnavailable,
	KindClaimsOld:     http.StatusServiceUnavailable,
	KindStoreDown:     http.StatusServiceUnavailable,
	KindFlowLost:      http.StatusBadRequest,
	KindBadRequest:    http.StatusBadRequest,
	KindStaleForm:     http.StatusForbidden,
	KindFormNotSent:   http.StatusUnauthorized,
	KindStrongerFirst: http.StatusUnauthorized,
	KindFormKept:      http.StatusUnauthorized,
	KindStrongerKept:  http.StatusUnauthorized,
	KindFormGone:      http.StatusGone,
	KindTooMany:       http.StatusTooManyRequests,
	KindLateAnswer:    http.StatusBadRequest,
	KindEnded:         http.StatusForbidden,
	KindLoop:          http.StatusBadRequest,
	KindProviderError: http.StatusBadGateway,
	KindDeclined:      http.StatusForbidden,
	KindCancelled:     http.StatusOK,
	KindInsecure:      http.StatusBadRequest,
	KindNotFound:      http.StatusNotFound,
	KindMethod:        http.StatusMethodNotAllowed,
	KindInternal:      http.StatusInternalServerError,
}

// Problem says what went wrong and shows a way out. It has no field for a provider's error_description: that text is
// a stranger's and goes to the log only.
type Problem struct {
	// Status is used when Write is given none; zero means the default of the kind.
	Status int
	Kind   Kind
	// RequestID finds the log entry; may be empty.
	RequestID string
	// Code is the code of the sign-in log entry; zero where there is none.
	Code int
	// Time is when it happened; the zero time leaves it away.
	Time time.Time
	// RetryAfter is said on the page and sent as Retry-After, rounded up to seconds; zero leaves both away.
	RetryAfter time.Duration
	// ActionURL is the way out that the text names (try again, sign in again). HomeURL is the second one.
	ActionURL, HomeURL string
}

func (Problem) template() string { return "problem" }

func (p Problem) requestID() string { return p.RequestID }

// Reason is the kind, as a script is told it.
func (p Problem) Reason() string { return string(p.known()) }

// StatusCode is the HTTP status that the problem is answered with.
func (p Problem) StatusCode() int { return p.status() }

func (p Problem) status() int {
	if p.Status != 0 {
		return p.Status
	}
	return kinds[p.known()]
}

func (p Problem) title() (string, []string) { return p.Key() + ".title", nil }

// Key is the text key that explains the problem.
func (p Problem) Key() string { return "problem." + string(p.known()) }

func (p Problem) known() Kind {
	if _, ok := kinds[p.Kind]; ok {
		return p.Kind
	}
	return KindInternal
}
