package explain

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// Query describes a request for which the rules are to be explained (W1). A field that is left out counts as unknown,
// as in a real request (W4). A query without an authentication, for example, leads to a demand for one if a policy
// limits its age.
type Query struct {
	// App is the name of the app. It is optional if there is only one.
	App string `json:"app,omitempty"`

	// Anonymous asks about a client that is not signed in. It cannot be combined with facts about a user.
	Anonymous bool `json:"anonymous,omitempty"`
	// User is the user's name as policies use it. Email is a mail address that the provider has verified. Subject is
	// the provider's identifier of the user. One of these, or a group, is required unless Anonymous is set.
	User    string `json:"user,omitempty"`
	Email   string `json:"email,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Unverified are names and mail addresses that the provider states but has not verified (A10).
	Unverified []string `json:"unverified,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	// GroupsUnknown: the provider has not sent all groups (A6). GroupsUnreadable: its groups claim cannot be parsed, so
	// they are unknown too.
	GroupsUnknown    bool `json:"groups_unknown,omitempty"`
	GroupsUnreadable bool `json:"groups_unreadable,omitempty"`
	// Guest: the provider marks the user as a guest. GuestUnreadable: its guest claim is neither true nor false.
	Guest           bool `json:"guest,omitempty"`
	GuestUnreadable bool `json:"guest_unreadable,omitempty"`
	// Provider is the provider at which the user signed in. Default: the first provider of the app.
	Provider string `json:"provider,omitempty"`
	// MFA, ACRs and AuthAge describe the authentication: whether it used a second factor, its authentication contexts,
	// and how long ago it was.
	MFA     bool            `json:"mfa,omitempty"`
	ACRs    []string        `json:"acrs,omitempty"`
	AuthAge *caddy.Duration `json:"auth_age,omitempty"`
	// Idle is the time since the last use of the session.
	Idle caddy.Duration `json:"idle,omitempty"`
	// Kind, browser or persistent, is the kind of the existing session. Without it, the prompt decision is that of a
	// new sign-in.
	Kind       string        `json:"kind,omitempty"`
	SignInRisk policy.Risk   `json:"sign_in_risk,omitzero"`
	UserRisk   policy.Risk   `json:"user_risk,omitzero"`
	Compliant  policy.Signal `json:"compliant,omitzero"`
	Managed    policy.Signal `json:"managed,omitzero"`
	Shared     policy.Signal `json:"shared,omitzero"`
	// Bound: the session is bound to a key of its device. A new sign-in never is.
	Bound bool `json:"bound,omitempty"`
	// Consent, IWA, Inherited and Remembered affect only the prompt. Consent: the sign-in showed a consent page. IWA:
	// it used integrated Windows authentication. Inherited: the provider has asked already. Remembered: the browser
	// remembers this answer (yes or no).
	Consent    bool   `json:"consent,omitempty"`
	IWA        bool   `json:"iwa,omitempty"`
	Inherited  bool   `json:"inherited,omitempty"`
	Remembered string `json:"remembered,omitempty"`

	// Signalled is what streams have reported about the user. A running server finds it by itself.
	Signalled session.Signalled `json:"-"`

	// Method, Host, Path (with its query) and Header are what matchers read. Defaults: GET, the name of the app, "/".
	Method string      `json:"method,omitempty"`
	Host   string      `json:"host,omitempty"`
	Path   string      `json:"path,omitempty"`
	Header http.Header `json:"header,omitempty"`
	// IP is the client's address. Without it the address is unknown; rules treat an unknown address as not trusted
	// (A62).
	IP string `json:"ip,omitempty"`
	// Platform and Client override what the headers state.
	Platform *policy.Platform `json:"platform,omitempty"`
	Client   *policy.Client   `json:"client,omitempty"`
	// At is the time of the request. Default: now.
	At time.Time `json:"at,omitzero"`
}

// Explanation is the decision on a request, and the reasons.
type Explanation struct {
	App    string    `json:"app"`
	Who    string    `json:"who"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	At     time.Time `json:"at"`
	// Networks are the names of the networks that contain the address.
	Networks []string `json:"networks,omitempty"`

	// BoundTo is device if the session is bound to a key of its device.
	BoundTo string `json:"bound_to,omitempty"`

	// Verdict is allow, block, step_up or sign_in. Reason is the word for it in logs and on pages.
	Verdict string        `json:"verdict"`
	Reason  policy.Reason `json:"reason"`
	// Code is the number in the log. CodeReason is its text.
	Code       int    `json:"code,omitempty"`
	CodeReason string `json:"code_reason,omitempty"`
	// By names the enforced policies that caused the verdict.
	By []string `json:"by,omitempty"`
	// Unknown names unknown facts that affected the verdict: groups, network.
	Unknown []string `json:"unknown,omitempty"`
	// Error is why a rule could not be evaluated, or why the request is refused before any rule.
	Error string `json:"error,omitempty"`

	// Forwards is what the application gets besides identity headers: the user's access token, in which header and for whom it
	// was exchanged. Empty if it gets none.
	Forwards string `json:"forwards,omitempty"`

	// Signalled is what streams have reported about the user and is valid.
	Signalled []ExplainedSignal `json:"signalled,omitempty"`

	PolicyStatus policy.Status      `json:"policy_status"`
	Demand       *ExplainedDemand   `json:"demand,omitempty"`
	Controls     *ExplainedControls `json:"controls,omitempty"`
	Prompt       ExplainedPrompt    `json:"prompt"`
	// Idle is the effect of idle sign-out on the existing or new session: one entry, or one for each answer to the
	// prompt. Empty if the app has no idle sign-out or there is no session.
	Idle []ExplainedIdle `json:"idle_sign_out,omitempty"`
	// Policies are all policies for the app, in the order of the configuration.
	Policies []ExplainedPolicy `json:"policies"`
}

// ExplainedDemand is what the provider would be asked to demand of the user.
type ExplainedDemand struct {
	MFA  bool     `json:"mfa,omitempty"`
	ACRs []string `json:"acrs,omitempty"`
	// MaxAge is the maximum age of the authentication, in seconds; 0 means a fresh one.
	MaxAge      *int64 `json:"max_age,omitempty"`
	PromptLogin bool   `json:"prompt_login,omitempty"`
}

// ExplainedControls are the session controls that apply, with the policies that set them.
type ExplainedControls struct {
	Frequency    string   `json:"sign_in_frequency,omitempty"`
	FrequencyBy  []string `json:"sign_in_frequency_by,omitempty"`
	MaxIdle      string   `json:"max_idle,omitempty"`
	MaxIdleBy    []string `json:"max_idle_by,omitempty"`
	Persistent   string   `json:"persistent_browser,omitempty"`
	PersistentBy []string `json:"persistent_browser_by,omitempty"`
}

// ExplainedPolicy is the result of one policy.
type ExplainedPolicy struct {
	Policy string `json:"policy"`
	// Site: the policy belongs only to this site.
	Site bool `json:"site,omitempty"`
	// Position is the policy's place in the configuration as file:line, if known.
	Position string      `json:"position,omitempty"`
	Mode     policy.Mode `json:"mode"`
	Result   string      `json:"result"`
	// Applies is hit, may (a fact is unknown, so the policy counts as applying) or miss.
	Applies string `json:"applies"`
	// Unmet are the conditions that do not hold, the most important one first (W2, W3).
	Unmet []string `json:"unmet,omitempty"`
	// Excluded are the entries of Unmet that come from an exclusion of something that is otherwise included (R2).
	Excluded []string `json:"excluded,omitempty"`
	// Missing are the controls that are not satisfied.
	Missing  []string `json:"missing,omitempty"`
	Unknown  []string `json:"unknown,omitempty"`
	Grants   []string `json:"grants,omitempty"`
	Sessions []string `json:"sessions,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// Outcomes of a request before, or without, policies.
const (
	reasonOwnEndpoint   policy.Reason = "sign_in_endpoint"
	reasonNotGuarded    policy.Reason = "not_guarded"
	reasonOtherProvider policy.Reason = "other_provider"
	reasonCrossOrigin   policy.Reason = site.CrossOrigin
	reasonPreflight     policy.Reason = site.Preflight
)

const (
	applies    = "hit"
	mayApply   = "may"
	appliesNot = "miss"
)

// Estate is a configuration to explain. It may be running or not.
type Estate struct {
	Tenant *site.Tenant
	Sites  []*site.Site
}

// Apps returns the names of the sites, each once.
func (e *Estate) Apps() (names []string) {
	for _, h := range e.Sites {
		names = append(names, h.App)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var (
	errNoSites = errors.New("no site has the directive latchkey")
	errNoApp   = errors.New("there is more than one app: say which")
)

// site returns a site by its app name. An empty name means the only site.
func (e *Estate) site(app string) (*site.Site, error) {
	names := e.Apps()
	switch {
	case len(names) == 0:
		return nil, errNoSites
	case app == "" && len(names) > 1:
		return nil, fmt.Errorf("%w%s", errNoApp, config.Suggest("", names))
	case app == "":
		app = names[0]
	}
	i := slices.IndexFunc(e.Sites, func(h *site.Site) bool { return h.App == app })
	if i < 0 {
		return nil, fmt.Errorf("unknown app %q%s", app, config.Suggest(app, names))
	}
	return e.Sites[i], nil
}

// Explain returns the decision on a request. It works for a running configuration and for one that is not running. An
// error means a mistake in the query.
func (e *Estate) Explain(q *Query) (*Explanation, error) {
	h, err := e.site(q.App)
	if err != nil {
		return nil, err
	}
	return explainedSite{h}.explain(q)
}

// explainedSite is a site with the methods that only explanations need.
type explainedSite struct{ *site.Site }

// Called returns the name or ID of the user; empty if the query has none.
func (q *Query) Called() string { return cmp.Or(q.Subject, q.User, q.Email) }

// QueryError is a mistake in a query.
type QueryError struct{ Err error }

// Error implements error.
func (e *QueryError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *QueryError) Unwrap() error { return e.Err }
