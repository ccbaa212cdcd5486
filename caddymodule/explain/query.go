package explain

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Query is a request that somebody might make, for which the rules are to be explained (W1). What is left out counts
// as not known, as it does for a real request (W4): who states no authentication is asked for one wherever a policy
// wants to know how old it is.
type Query struct {
	// App is the app that is asked for. May be left out if there is only one.
	App string `json:"app,omitempty"`

	// Anonymous asks about a client that is not signed in; nothing about a person goes with it.
	Anonymous bool `json:"anonymous,omitempty"`
	// User is the name of the person as policies have it, Email a mail address that the provider has verified, Subject
	// the provider's own name for them. One of them, or a group, says who it is about.
	User    string `json:"user,omitempty"`
	Email   string `json:"email,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Unverified are names and mail addresses that the provider states and does not vouch for (A10).
	Unverified []string `json:"unverified,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	// GroupsUnknown: the provider has not told all groups (A6). GroupsUnreadable: it states something that is no list of
	// groups, so they are not known either.
	GroupsUnknown    bool `json:"groups_unknown,omitempty"`
	GroupsUnreadable bool `json:"groups_unreadable,omitempty"`
	// Guest and GuestUnreadable: the provider calls them a guest, or states something that is neither yes nor no.
	Guest           bool `json:"guest,omitempty"`
	GuestUnreadable bool `json:"guest_unreadable,omitempty"`
	// Provider is where they signed in. Default: the first provider of the app.
	Provider string `json:"provider,omitempty"`
	// MFA, ACRs and AuthAge are how they signed in: with a second factor, with these authentication contexts, so long
	// ago.
	MFA     bool            `json:"mfa,omitempty"`
	ACRs    []string        `json:"acrs,omitempty"`
	AuthAge *caddy.Duration `json:"auth_age,omitempty"`
	// Idle is how long ago the session was used last.
	Idle caddy.Duration `json:"idle,omitempty"`
	// Kind, browser or persistent, is the kind of the session that there is. Left out, the prompt decision is that of a
	// new sign-in.
	Kind       string        `json:"kind,omitempty"`
	SignInRisk policy.Risk   `json:"sign_in_risk,omitzero"`
	UserRisk   policy.Risk   `json:"user_risk,omitzero"`
	Compliant  policy.Signal `json:"compliant,omitzero"`
	Managed    policy.Signal `json:"managed,omitzero"`
	Shared     policy.Signal `json:"shared,omitzero"`
	// Consent, IWA, Inherited and Remembered (yes or no) matter to the prompt alone: the sign-in went through a consent
	// page, by integrated Windows authentication, the provider asked already, an answer is remembered.
	Consent    bool   `json:"consent,omitempty"`
	IWA        bool   `json:"iwa,omitempty"`
	Inherited  bool   `json:"inherited,omitempty"`
	Remembered string `json:"remembered,omitempty"`

	// Method, Host, Path (with its query) and Header are what matchers see. Defaults: GET, the name of the app, "/".
	Method string      `json:"method,omitempty"`
	Host   string      `json:"host,omitempty"`
	Path   string      `json:"path,omitempty"`
	Header http.Header `json:"header,omitempty"`
	// IP is the address of the client. Left out, it is not known, which no rule takes for a good one (A62).
	IP string `json:"ip,omitempty"`
	// Platform and Client are told by the headers, unless they stand here.
	Platform *policy.Platform `json:"platform,omitempty"`
	Client   *policy.Client   `json:"client,omitempty"`
	// At is the time of the request. Default: now.
	At time.Time `json:"at,omitzero"`
}

// Explanation is what would become of a request, and why.
type Explanation struct {
	App    string    `json:"app"`
	Who    string    `json:"who"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	At     time.Time `json:"at"`
	// Networks are the networks that the address is in, by name.
	Networks []string `json:"networks,omitempty"`

	// Verdict is allow, block, step_up or sign_in, and Reason the word for it in logs and on pages.
	Verdict string        `json:"verdict"`
	Reason  policy.Reason `json:"reason"`
	// Code is the number for the log and CodeReason its text.
	Code       int    `json:"code,omitempty"`
	CodeReason string `json:"code_reason,omitempty"`
	// By names the enforced policies that made the verdict.
	By []string `json:"by,omitempty"`
	// Unknown is what was not known and had a part in the verdict: groups, network.
	Unknown []string `json:"unknown,omitempty"`
	// Error is why a rule could not be evaluated, or why the request is not even looked at.
	Error string `json:"error,omitempty"`

	PolicyStatus policy.Status      `json:"policy_status"`
	Demand       *ExplainedDemand   `json:"demand,omitempty"`
	Controls     *ExplainedControls `json:"controls,omitempty"`
	Prompt       ExplainedPrompt    `json:"prompt"`
	// Idle is what idle sign-out means for the session that there is or would be: one entry, or one for each answer to the
	// prompt. Empty where the app has none, and where there is no session.
	Idle []ExplainedIdle `json:"idle_sign_out,omitempty"`
	// Policies are all policies for the app, in the order of the configuration.
	Policies []ExplainedPolicy `json:"policies"`
}

// ExplainedDemand is what the person would be asked for at the provider.
type ExplainedDemand struct {
	MFA  bool     `json:"mfa,omitempty"`
	ACRs []string `json:"acrs,omitempty"`
	// MaxAge is how old the authentication may be, in seconds; 0 is fresh.
	MaxAge      *int64 `json:"max_age,omitempty"`
	PromptLogin bool   `json:"prompt_login,omitempty"`
}

// ExplainedControls are the session controls that hold, with the policies that set them.
type ExplainedControls struct {
	Frequency    string   `json:"sign_in_frequency,omitempty"`
	FrequencyBy  []string `json:"sign_in_frequency_by,omitempty"`
	MaxIdle      string   `json:"max_idle,omitempty"`
	MaxIdleBy    []string `json:"max_idle_by,omitempty"`
	Persistent   string   `json:"persistent_browser,omitempty"`
	PersistentBy []string `json:"persistent_browser_by,omitempty"`
}

// ExplainedPolicy is what became of one policy.
type ExplainedPolicy struct {
	Policy string `json:"policy"`
	// Site is true of a policy that belongs to the site alone.
	Site bool `json:"site,omitempty"`
	// Position is where the configuration has it, as file:line, if it says so.
	Position string      `json:"position,omitempty"`
	Mode     policy.Mode `json:"mode"`
	Result   string      `json:"result"`
	// Applies is hit, may (it counts as applying because something is not known) or miss.
	Applies string `json:"applies"`
	// Unmet are the conditions that do not hold, the one to name first (W2, W3).
	Unmet []string `json:"unmet,omitempty"`
	// Excluded are those of Unmet that are so because the policy excludes what otherwise may be included (R2).
	Excluded []string `json:"excluded,omitempty"`
	// Missing are the controls that are not satisfied.
	Missing  []string `json:"missing,omitempty"`
	Unknown  []string `json:"unknown,omitempty"`
	Grants   []string `json:"grants,omitempty"`
	Sessions []string `json:"sessions,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// What becomes of a request before, or without, the policies.
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

// Estate is a configuration to be explained, whether it runs or not.
type Estate struct {
	Tenant *site.Tenant
	Sites  []*site.Site
}

// Apps are the names of the sites, each once.
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

// site finds a site by the name of its app; with an empty name, the only one.
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

// Explain is the one way to an explanation, for a configuration that runs and for one that does not. An error is a
// mistake in the query.
func (e *Estate) Explain(q *Query) (*Explanation, error) {
	h, err := e.site(q.App)
	if err != nil {
		return nil, err
	}
	return explainedSite{h}.explain(q)
}

// explainedSite is a site of which something is asked that it does not do for itself.
type explainedSite struct{ *site.Site }
