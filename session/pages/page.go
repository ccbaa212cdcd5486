package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Page is one of the page types of this package: Chooser, Prompt, SignOut, SignedOut, Continue,
// Blocked, Problem.
type Page interface {
	// template names the file under template/.
	template() string
	// title is the text key of the heading, and the values that go into it.
	title() (key string, pairs []string)
	// status is the response status when the caller names none.
	status() int
}

// form is a page that posts to us. targets are further origins to which the answer to that post may redirect.
type form interface {
	Page
	targets() []string
}

// every page type, for compiling the templates.
var every = []Page{Chooser{}, Prompt{}, SignOut{}, SignedOut{}, Continue{}, Blocked{}, Problem{}}

// Chooser lets a person pick where to sign in. Links only: nothing happens before the provider.
type Chooser struct {
	Providers []Choice
	// AppName is the app that asked for the sign-in; may be empty.
	AppName string
}

// Choice is one provider.
type Choice struct {
	// Name is the provider's name in the configuration, shown if Title is empty.
	Name string
	// Title is the name that people know.
	Title string
	// URL starts a flow with that provider.
	URL string
}

// Label is what the link says.
func (c Choice) Label() string {
	if c.Title == "" {
		return c.Name
	}
	return c.Title
}

// Initial is the first letter of the label, as a picture beside it.
func (c Choice) Initial() string {
	for _, r := range c.Label() {
		return string(unicode.ToUpper(r))
	}
	return ""
}

// Prompt asks "Stay signed in?". Its form posts to <Base>/stay: csrf, answer=yes|no|cancel, and remember=1 if the box
// is ticked. Yes is the first button of the form, so it is also what Enter does, and it is shown as the primary one.
type Prompt struct {
	// UserName and AppName say who signs in, and to what; either may be empty.
	UserName, AppName string
	// CSRF is the token that the answer has to carry.
	CSRF string
	// The limits that will hold after No (browser) and after Yes (persistent). Zero means that there is no such
	// limit. An idle limit that is not below the max lifetime never matters and is not mentioned.
	BrowserIdle, BrowserMax, PersistentIdle, PersistentMax time.Duration
	// RememberFor is how long "Don't show this again" lasts. Zero hides the box.
	RememberFor time.Duration
	// AdminText is the operator's own text below the question, plain text; line breaks are kept.
	AdminText string
}

// SignOut asks before signing out. Its form posts to <Base>/sign-out: csrf, and everywhere=1 if the box is ticked.
type SignOut struct {
	UserName string
	CSRF     string
	// Everywhere offers to end all sessions of this person.
	Everywhere bool
	// FormTargets are origins (scheme://host[:port]) beside our own to which the answer may redirect. Chromium holds
	// form-action against every redirect that follows a post, so an answer that redirects to the provider needs the
	// provider's origin here, and those to which the provider redirects. Continue needs none of that.
	FormTargets []string
	// BackURL leads back without signing out; empty leaves the link away.
	BackURL string
}

// SignedOut is the page after.
type SignedOut struct {
	// SignInURL starts a new sign-in; empty leaves the button away.
	SignInURL string
}

// Block is why a decision was a refusal, as far as the reader can do something about it: a key below "blocked." of
// the texts. An unknown one reads like BlockPolicy.
type Block string

// The explanations that exist.
const (
	BlockPolicy      Block = "policy"       // a policy that applies says block (53003)
	BlockNotAssigned Block = "not_assigned" // the site's allow and deny do not let this person in (50105)
	BlockNetwork     Block = "network"      // it depends on where the request comes from
	BlockDevice      Block = "device"       // it depends on the device or its platform (53000, 50005)
	BlockGroups      Block = "groups"       // membership is unknown, and unknown is a refusal
	BlockRequirement Block = "requirement"  // a stronger or fresher sign-in did not come about
)

var blocks = []Block{BlockPolicy, BlockNotAssigned, BlockNetwork, BlockDevice, BlockGroups, BlockRequirement}

// Blocked says that a decision was a refusal, which policies spoke, and what one can do. Default status 403. Empty
// fields leave their part of the page away.
type Blocked struct {
	// Title picks heading and explanation; empty means BlockPolicy.
	Title Block
	// PolicyNames are the policies that spoke.
	PolicyNames []string
	// Code is the code of the sign-in log entry.
	Code int
	// Reason is the reason in the log's words.
	Reason string
	// RequestID finds the log entry; shown so that it can be selected with one click.
	RequestID string
	// Time of the decision; shown in UTC, to the second.
	Time time.Time
	// UserName is who was refused; empty for somebody who is not signed in.
	UserName string
	// SwitchURL signs in as someone else. RetryURL tries again, for instance with a stronger sign-in.
	SwitchURL, RetryURL string
	// Contact of the operator: an http, https or mailto URL becomes a link, anything else is shown as text.
	Contact string
}

// Kind is what went wrong: a key below "problem." of the texts. An unknown one reads like KindInternal.
type Kind string

// The kinds that exist, with the default status of each.
const (
	KindIDPDown       Kind = "idp_down"       // 503: the provider does not answer
	KindStoreDown     Kind = "store_down"     // 503: the session store does not answer; no session was lost
	KindFlowLost      Kind = "flow_lost"      // 400: a callback or an answer without its flow
	KindBadRequest    Kind = "bad_request"    // 400
	KindStaleForm     Kind = "stale_form"     // 403: a post without a valid token; nothing was done
	KindTooMany       Kind = "too_many"       // 429
	KindLateAnswer    Kind = "late_answer"    // 400: the prompt was answered after its deadline
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
	KindStoreDown:     http.StatusServiceUnavailable,
	KindFlowLost:      http.StatusBadRequest,
	KindBadRequest:    http.StatusBadRequest,
	KindStaleForm:     http.StatusForbidden,
	KindTooMany:       http.StatusTooManyRequests,
	KindLateAnswer:    http.StatusBadRequest,
	KindLoop:          http.StatusBadRequest,
	KindProviderError: http.StatusBadGateway,
	KindDeclined:      http.StatusForbidden,
	KindCancelled:     http.StatusOK,
	KindInsecure:      http.StatusBadRequest,
	KindNotFound:      http.StatusNotFound,
	KindMethod:        http.StatusMethodNotAllowed,
	KindInternal:      http.StatusInternalServerError,
}

// Continue ends a form: it takes the browser on to URL by itself (a Refresh header), and shows a link to it. A redirect
// would do so too, but Chromium holds the form-action of the page with the form against the whole chain that follows,
// wherever the app or the provider leads from there, and then stays where it was with the form spent. The browser
// keeps no history entry for this page.
type Continue struct {
	// URL is an absolute http or https URL, or a path on this origin. Anything else is not followed.
	URL string
}

// Problem says what went wrong and shows a way out. It has no field for a provider's error_description: that text is
// a stranger's and goes to the log only.
type Problem struct {
	// Status is used when Write is given none; zero means the default of the kind.
	Status int
	Kind   Kind
	// RequestID finds the log entry; may be empty.
	RequestID string
	// RetryAfter is said on the page and sent as Retry-After, rounded up to seconds; zero leaves both away.
	RetryAfter time.Duration
	// ActionURL is the way out that the text names (try again, sign in again). HomeURL is the second one.
	ActionURL, HomeURL string
}

func (Chooser) template() string   { return "chooser" }
func (Prompt) template() string    { return "prompt" }
func (SignOut) template() string   { return "sign_out" }
func (SignedOut) template() string { return "signed_out" }
func (Continue) template() string  { return "continue" }
func (Blocked) template() string   { return "blocked" }
func (Problem) template() string   { return "problem" }

func (Prompt) title() (string, []string)    { return "prompt.title", nil }
func (SignOut) title() (string, []string)   { return "sign_out.title", nil }
func (SignedOut) title() (string, []string) { return "signed_out.title", nil }
func (Continue) title() (string, []string)  { return "continue.title", nil }
func (b Blocked) title() (string, []string) { return b.Key() + ".title", nil }
func (p Problem) title() (string, []string) { return p.Key() + ".title", nil }

func (c Chooser) title() (string, []string) {
	if c.AppName == "" {
		return "chooser.title", nil
	}
	return "chooser.title_app", []string{"app", c.AppName}
}

func (Chooser) status() int   { return http.StatusOK }
func (Prompt) status() int    { return http.StatusOK }
func (SignOut) status() int   { return http.StatusOK }
func (SignedOut) status() int { return http.StatusOK }
func (Continue) status() int  { return http.StatusOK }
func (Blocked) status() int   { return http.StatusForbidden }

func (p Problem) status() int {
	if p.Status != 0 {
		return p.Status
	}
	return kinds[p.known()]
}

func (Prompt) targets() []string    { return nil }
func (s SignOut) targets() []string { return s.FormTargets }

// next is the value of a Refresh header, empty if URL is none that a browser may be sent to. The rest of the header is
// the URL whatever it holds, so nothing else needs to be escaped than what url.URL escapes, and spaces.
func (c Continue) next() string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" || u.User != nil {
		return ""
	}
	here := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(u.Path, "//")
	if !here && origin(c.URL) == "" {
		return ""
	}
	return "0; url=" + strings.ReplaceAll(u.String(), " ", "%20")
}

// Key is the text key that explains the refusal.
func (b Blocked) Key() string {
	for _, known := range blocks {
		if b.Title == known {
			return "blocked." + string(known)
		}
	}
	return "blocked." + string(BlockPolicy)
}

// ContactIsLink tells whether Contact can be followed. Other schemes are never made a link.
func (b Blocked) ContactIsLink() bool {
	u, err := url.Parse(b.Contact)
	if err != nil {
		return false
	}
	return u.Scheme == "mailto" && u.Opaque != "" || (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// UTC is the time as shown, and Machine as a datetime attribute.
func (b Blocked) UTC() string { return b.Time.UTC().Format("2006-01-02 15:04:05 UTC") }

// Machine is the time for a datetime attribute.
func (b Blocked) Machine() string { return b.Time.UTC().Format(time.RFC3339) }

// Key is the text key that explains the problem.
func (p Problem) Key() string { return "problem." + string(p.known()) }

func (p Problem) known() Kind {
	if _, ok := kinds[p.Kind]; ok {
		return p.Kind
	}
	return KindInternal
}

// Answer is what one button of the prompt leads to.
type Answer struct {
	// ID is the value of the button, and the id of the explanation that describes it. Label and Limit are text keys.
	ID, Label, Limit string
	// Max goes into the text of Limit; Idle ends the session sooner, zero if it never can.
	Max, Idle time.Duration
}

// Answers are Yes and No with what they mean.
func (p Prompt) Answers() []Answer {
	return []Answer{
		explain("yes", p.PersistentIdle, p.PersistentMax),
		explain("no", p.BrowserIdle, p.BrowserMax),
	}
}

func explain(id string, idle, longest time.Duration) Answer {
	a := Answer{ID: id, Label: "prompt." + id, Limit: "prompt." + id + "_max", Max: longest, Idle: max(idle, 0)}
	if longest <= 0 {
		a.Limit = "prompt." + id + "_unlimited"
	} else if idle >= longest {
		a.Idle = 0
	}
	return a
}
