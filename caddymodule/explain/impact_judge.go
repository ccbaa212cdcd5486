package explain

import (
	"reflect"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// party is a user at an app, as known from a session or an entry of the sign-in log.
type party struct {
	who  *session.Record
	v    *access.Visit
	app  string
	at   time.Time
	idle time.Duration
	live bool // from a live session, not from the log
	// known: groups, strength, mail address and whether the device is shared are known, as far as the provider stated
	// them. Risk and the other facts about the device are always known.
	known bool
}

// sitePair is one site in both configurations; it may exist in only one of them.
type sitePair struct {
	current, next *explainedSite
	// The matchers of policies that differ between the two configurations.
	currentNew, nextNew map[policy.MatcherID]bool
	mail                *mailNames // nil until it is needed
}

func (im *impact) pair(app string) *sitePair {
	if p, ok := im.sites[app]; ok {
		return p
	}
	p := &sitePair{}
	if app != "" {
		p.current, p.next = found(&im.current.Estate, app), found(im.next, app)
	}
	if p.current != nil && p.next != nil {
		p.currentNew, p.nextNew = differingMatchers(p.current, p.next)
	}
	im.sites[app] = p
	return p
}

// found returns a site by its name; nil if there is none.
func found(e *Estate, app string) *explainedSite {
	h, err := e.site(app)
	if err != nil {
		return nil
	}
	return &explainedSite{h}
}

// differingMatchers returns, for each site, the matchers of policies that do not exist in the other site or differ
// there.
func differingMatchers(a, b *explainedSite) (ofA, ofB map[policy.MatcherID]bool) {
	ofA, ofB = make(map[policy.MatcherID]bool), make(map[policy.MatcherID]bool)
	ground := reflect.DeepEqual(a.Tenant.Networks, b.Tenant.Networks) && reflect.DeepEqual(claimRules(a.Tenant), claimRules(b.Tenant))
	listA, listB := a.matched(), b.matched()
	mark := func(of map[policy.MatcherID]bool, list, other []*config.Policy) {
		for i, p := range list {
			if !ground || !slices.ContainsFunc(other, p.Same) {
				of[policy.MatcherID(i+1)] = true
			}
		}
	}
	mark(ofA, listA, listB)
	mark(ofB, listB, listA)
	return ofA, ofB
}

// matched returns the policies with a matcher, in the order of their MatcherIDs.
func (h explainedSite) matched() (list []*config.Policy) {
	for _, p := range slices.Concat(h.Tenant.Config.Policies, h.Policies) {
		if len(p.Matched()) > 0 {
			list = append(list, p)
		}
	}
	return list
}

// claimRules returns, for each provider, the rules by which claims count.
func claimRules(t *site.Tenant) map[string]oidc.ClaimsConfig {
	rules := make(map[string]oidc.ClaimsConfig)
	for _, p := range t.Providers {
		rules[p.Name] = p.Claims
	}
	return rules
}

// rank orders the outcomes of a request.
type rank uint8

const (
	letIn rank = iota
	asked
	blocked
)

// The words of ImpactChange.Change.
var rankWords = [...]string{letIn: "let_in", asked: "asked", blocked: "blocked"}

const browserOnly = "browser_only"

// Causes of a change that are not policies.
const (
	byProvider = "(provider)"
	byLists    = "(allow and deny)"
	byLimits   = "(session limits)"
	bySetting  = "(stay_signed_in)"
	byError    = "(evaluation error)"
)

// Reasons why a case cannot be evaluated, besides those of doubt.
const (
	byRoute   = "depends on the route"
	bySharing = "depends on whether the device is shared, which the log does not keep"
	byBinding = "depends on whether the browser bound the session to its device, which is not known of a sign-in"
)

// judgement is the outcome for a party.
type judgement struct {
	rank   rank
	by     []string
	reason policy.Reason
	gaps   policy.Gaps
	// forgets names the policies that turn a persistent session into a browser session.
	forgets []string
}

// judge evaluates a site for a party: the steps of guard, without a request. matches says which matchers hold.
func (h explainedSite) judge(p *party, matches map[policy.MatcherID]bool) judgement {
	if !h.Takes(p.who.Provider, p.who.Identity.Issuer) {
		return judgement{rank: asked, by: []string{byProvider}, reason: reasonOtherProvider}
	}
	v := *p.v
	v.Site = &h.SignIn
	q := h.Request(nil, &v, h.Compiled.Resolve(h.User(p.who)), p.who)
	q.Time, q.Idle, q.NoRoute = p.at, p.idle, false
	q.Match = policy.MatchFunc(func(id policy.MatcherID) (bool, error) { return matches[id], nil })
	d := h.Compiled.Evaluate(q)
	j := judgement{by: d.Policies(), reason: d.Reason, gaps: d.Gaps}
	switch d.Verdict {
	case policy.Allow:
		j.forgets = h.forgets(&d)
	case policy.Block:
		j.rank = blocked
		switch {
		case len(j.by) > 0:
		case d.Err != nil:
			j.by = []string{byError}
		default:
			j.by = []string{byLists}
		}
	default:
		j.rank = asked
	}
	if j.rank != blocked && p.live && p.who.Check(p.at, h.Tenant.Limits) != nil {
		return judgement{rank: asked, by: []string{byLimits}, reason: policy.SignInRequired}
	}
	return j
}

// forgets names the causes that turn a persistent session into a browser session at its next request (X16).
func (h explainedSite) forgets(d *policy.Decision) []string {
	switch {
	case d.PersistentBrowser == policy.Never:
		return d.PersistentBrowserPolicies()
	case d.PersistentBrowser != policy.Always && !h.Tenant.Prompt.Offered(&h.SignIn):
		return []string{bySetting}
	}
	return nil
}

// replay evaluates both configurations for a party.
func (im *impact) replay(p *party) {
	im.out.Cases++
	pair := im.pair(p.app)
	switch {
	case pair.current == nil:
		im.unknown("the app is not in the configuration that runs", p.app)
		return
	case pair.next == nil:
		im.unknown("the app is not in the new configuration", p.app)
		return
	}
	was, is := pair.current.judge(p, nil), pair.next.judge(p, nil)
	by, hangs := []string(nil), false
	if !p.known {
		by, hangs = im.hangsOnMail(p, pair, &was, &is)
	}
	switch onBinding := hangsOnBinding(p, pair, &was, &is); {
	case hangs:
		im.unknown(byMail, by...)
	case len(onBinding) > 0:
		im.unknown(byBinding, onBinding...)
	default:
		im.compare(p, &was, &is)
	}
	// Rules that depend on the route may add to that.
	if wasToo := pair.current.judge(p, pair.currentNew); wasToo.rank != was.rank {
		im.unknown(byRoute, wasToo.by...)
	}
	if isToo := pair.next.judge(p, pair.nextNew); isToo.rank != is.rank {
		im.unknown(byRoute, isToo.by...)
	}
	if !p.known {
		im.replayShared(p, pair, &was, &is)
	}
}

// hangsOnBinding names the policies for which the change for a sign-in depends on whether the browser bound its session
// afterwards. Of a live session this is known.
func hangsOnBinding(p *party, pair *sitePair, was, is *judgement) []string {
	if p.live {
		return nil
	}
	who, bound := *p.who, *p
	who.Binding.Since, bound.who = p.at, &who
	wasBound, isBound := pair.current.judge(&bound, nil), pair.next.judge(&bound, nil)
	switch {
	case was.rank == is.rank && wasBound.rank == isBound.rank:
		return nil
	case isBound.rank != is.rank:
		return stricter(is, &isBound).by
	case wasBound.rank != was.rank:
		return stricter(was, &wasBound).by
	}
	return nil
}

func stricter(a, b *judgement) *judgement {
	if a.rank > b.rank {
		return a
	}
	return b
}

// replayShared finds changes that depend on whether the device of a sign-in is shared, which the log does not contain.
func (im *impact) replayShared(p *party, pair *sitePair, was, is *judgement) {
	who, shared := *p.who, *p
	who.Shared, shared.who = "true", &who
	wasToo, isToo := *was, *is
	if tellsShared(pair.current.Tenant, who.Provider) {
		wasToo = pair.current.judge(&shared, nil)
	}
	if tellsShared(pair.next.Tenant, who.Provider) {
		isToo = pair.next.judge(&shared, nil)
	}
	switch {
	case (wasToo.rank == isToo.rank) == (was.rank == is.rank):
	case isToo.rank != is.rank:
		im.unknown(bySharing, isToo.by...)
	default:
		im.unknown(bySharing, wasToo.by...)
	}
}

// tellsShared reports whether a provider states that devices are shared.
func tellsShared(t *site.Tenant, provider string) bool {
	return slices.ContainsFunc(t.Providers, func(p *oidc.Provider) bool { return p.Name == provider && p.Claims.SharedDevice != "" })
}

func (im *impact) compare(p *party, was, is *judgement) {
	if was.rank == is.rank {
		if is.rank == letIn && p.live && p.who.Kind == session.Persistent && len(was.forgets) == 0 {
			for _, name := range is.forgets {
				im.change(p, name, browserOnly)
			}
		}
		return
	}
	by := differenceBy(was, is)
	if why := doubt(p, was, is); why != "" {
		im.unknown(why, by...)
		return
	}
	for _, name := range by {
		im.change(p, name, rankWords[is.rank])
	}
}

// differenceBy names the policies that differ between two judgements.
func differenceBy(was, is *judgement) []string {
	if is.rank == letIn {
		return was.by
	}
	return is.by
}

// doubt returns the reason why a difference may not be real: it depends on facts that the log does not contain.
func doubt(p *party, was, is *judgement) string {
	if p.known {
		return ""
	}
	for _, j := range []*judgement{was, is} {
		switch {
		case j.gaps.Has(policy.GapGroups):
			return "depends on groups, which the log does not keep"
		case j.rank == letIn:
		case j.reason == policy.MFARequired, j.reason == policy.ACRRequired:
			return "depends on how they signed in, which the log does not keep"
		}
	}
	return ""
}

func (im *impact) unknown(why string, about ...string) {
	for _, name := range about {
		im.unjudged[ImpactUnjudged{Why: why, About: name}]++
	}
}

func (im *impact) change(p *party, policy, change string) {
	key := changeKey{policy, change}
	t := im.changes[key]
	if t == nil {
		t = &tally{people: make(map[session.Identity]bool), examples: []string{}}
		im.changes[key] = t
	}
	if p.live {
		t.sessions++
	} else {
		t.signIns++
	}
	t.people[p.who.Identity] = true
	name := p.who.User
	if name == "" {
		name = p.who.Identity.Subject
	}
	name += " (" + p.app + ")"
	if at, found := slices.BinarySearch(t.examples, name); !found {
		t.examples = slices.Insert(t.examples, at, name)
		t.examples = t.examples[:min(len(t.examples), im.examples)]
	}
}
