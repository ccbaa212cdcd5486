package site

import (
	"cmp"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// New compiles the configuration of a site. It first checks the configuration and replaces its placeholders. Matchers
// are loaded in ctx, which may differ from the context of the tenant.
func New(ctx caddy.Context, c *config.Site, tenant *Tenant) (_ *Site, err error) {
	h := &Site{Site: c, Tenant: tenant, logger: ctx.Logger()}
	defer func() {
		if err != nil {
			err = fmt.Errorf("app %q: %w", h.App, err)
		}
	}()
	if err := h.Check(tenant.Config); err != nil {
		return nil, err
	}
	filled, err := config.FillIn(c)
	if err == nil && filled {
		err = h.Check(tenant.Config)
	}
	if err != nil {
		return nil, err
	}
	if tenant.Config.SignInHost != nil {
		if err := config.CheckSiteHosts(h.Hosts); err != nil {
			return nil, err
		}
	}
	h.SignIn = access.Site{
		App: h.App, Providers: h.Providers, PromptOff: h.StaySignedInOff, PreservePost: h.PreservePost,
		Gate: h, Idle: h.IdleRules(tenant.Config), AppData: h.AppData(),
	}
	if len(h.Providers) == 0 {
		h.SignIn.Providers = []string{tenant.Config.Providers[0].Called()}
	}
	if len(h.MatchRaw) > 0 {
		loaded, err := ctx.LoadModule(c, "MatchRaw")
		if err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
		if h.match, err = newRuleMatcher(loaded); err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
	}
	if err := h.compilePolicies(ctx); err != nil {
		return nil, err
	}
	if h.readings, err = h.newReadings(); err != nil {
		return nil, err
	}
	h.addressed = h.looksAtAddress()
	h.activity = activityOf(h.Activity)
	h.Programs, h.Resource = newPrograms(h)
	h.forward = newForwarding(h.ForwardAccessToken)
	return h, h.compileHeaders()
}

func (h *Site) compilePolicies(ctx caddy.Context) error {
	t := h.Tenant
	matchers := &Matchers{tenant: t.Matchers}
	own, err := matchers.rules(ctx, h.Policies)
	if err != nil {
		return err
	}
	if h.matchers = t.Matchers; len(matchers.sets) > 0 {
		h.matchers = matchers
	}
	h.needed = t.needed.and(own)
	h.Rules = policy.Config{
		Networks: t.Networks,
		Policies: t.Policies,
		Sites:    []policy.Site{{App: h.App, Allow: h.Allow.Rule(), Deny: h.Deny.Rule(), Policies: own}},
	}
	h.Compiled, err = t.Set.Base.Compile(h.Rules.Sites...)
	return err
}

// FinestIdle returns the shortest idle time that a policy or an idle sign-out of the site depends on; zero if there is
// none.
func (h *Site) FinestIdle() (finest time.Duration) {
	finest = FinestIdle(h.Rules.Sites[0].Policies)
	for _, rule := range h.SignIn.Idle {
		finest = Shorter(finest, rule.Warn)
	}
	return finest
}

// newReadings collects the matchers of a site. Its error names a matcher that can never match. Sites at which the same
// matchers for all sites apply, and no others, share one result.
func (h *Site) newReadings() (*readings, error) {
	t := h.Tenant
	applied := appliedMatchers(h)
	if len(applied) == 0 && len(h.match.sets) == 0 {
		return nil, nil
	}
	if len(h.match.sets) > 0 || h.matchers != t.Matchers {
		return collect(h, applied)
	}
	key := make([]byte, 1+h.matchers.count()) // a byte for each matcher, so that a site allocates once
	if h.PathParameters == config.PathParametersKept {
		key[0] = 1
	}
	for _, i := range applied {
		key[1+i] = 1
	}
	if known := t.readings[string(key)]; known != nil {
		return known, nil
	}
	out, err := collect(h, applied)
	if err != nil {
		return nil, err
	}
	if t.readings == nil {
		t.readings = make(map[string]*readings)
	}
	t.readings[string(key)] = out
	return out, nil
}

// appliedMatchers returns the indexes of the matchers that belong to enabled policies which can apply at the site.
func appliedMatchers(h *Site) (applied []int) {
	applied = make([]int, 0, h.matchers.count())
	for i := range h.matchers.count() {
		if _, p := h.matchers.at(i); p.Mode == policy.On && p.MayMeet(h.App) {
			applied = append(applied, i)
		}
	}
	return applied
}

func collect(h *Site, applied []int) (*readings, error) {
	out := &readings{parameters: h.PathParameters == config.PathParametersKept}
	if len(h.match.sets) > 0 {
		if err := out.Add(h.match.sets); err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
		out.sets = append(out.sets, h.match.sets)
	}
	for _, i := range applied {
		matcher, p := h.matchers.at(i)
		if err := out.Add(matcher.sets); err != nil {
			return nil, fmt.Errorf("policy %q: match: %w", p.Name, err)
		}
		out.sets = append(out.sets, matcher.sets)
	}
	return out, nil
}

// compileHeaders compiles the identity headers, and the names that scrub must delete from every request.
func (h *Site) compileHeaders() error {
	encoding, _ := identity.ParseEncoding(cmp.Or(h.HeaderEncoding, h.Tenant.Config.HeaderEncoding))
	h.writer = &identity.Writer{App: h.App, Encoding: encoding, Logger: h.logger, Now: time.Now}
	names := make([]string, 0, len(presetValues)+len(h.Header))
	h.headers = make([]identityHeader, 0, cap(names))
	for i, name := range h.PresetHeaders() {
		if name == "" {
			continue
		}
		names = append(names, name)
		header := identityHeader{name: textproto.CanonicalMIMEHeaderKey(name), value: presetValues[i]}
		switch i {
		case 0:
			header.value = func(s *session.Record) (string, []string) { return s.AppUser(h.Tenant.trustsNames(s.Provider)), nil }
		case config.PresetGroups:
			header.only = identity.NewOnly(h.HeaderGroupsOnly)
		}
		h.headers = append(h.headers, header)
	}
	for _, c := range h.Header {
		names = append(names, c.Name)
		h.headers = append(h.headers, identityHeader{
			name:  textproto.CanonicalMIMEHeaderKey(c.Name),
			value: func(s *session.Record) (string, []string) { return oidc.ClaimValue(s, c.Claim) },
			only:  identity.NewOnly(c.Only),
		})
	}
	if f := h.forward; f != nil && !f.authorization {
		names = append(names, f.header)
	}
	if h.Assertion != nil {
		h.assertionOnly = identity.NewOnly(h.Assertion.GroupsOnly)
	}
	known, err := h.Tenant.scrubbed(names)
	if err != nil {
		return err
	}
	h.form = scrub.Rules{Names: known.form, Upgrades: h.Upgrade, TrailingDots: h.TrailingDots == config.TrailingDotsKept}
	h.behind = h.form
	h.behind.Names = known.behind
	return nil
}

// scrubbed returns the compiled names of headers. Most sites set the same ones, and share them.
func (t *Tenant) scrubbed(names []string) (scrubbed, error) {
	key := strings.Join(names, "\x00")
	if known, has := t.names[key]; has {
		return known, nil
	}
	form, err := scrub.NewNames(names...)
	if err != nil {
		return scrubbed{}, err
	}
	known := scrubbed{form, form.Behind()}
	if t.names == nil {
		t.names = make(map[string]scrubbed)
	}
	t.names[key] = known
	return known, nil
}

// looksAtAddress reports whether a rule that is on depends on the client's address: a policy with `network`, a policy
// with `device shared` if a network is shared, or a matcher.
func (h *Site) looksAtAddress() bool {
	if h.readings != nil && h.readings.Address() {
		return true
	}
	shares := slices.ContainsFunc(h.Rules.Networks, func(n policy.Network) bool { return n.Shared })
	for _, list := range [][]policy.Policy{h.Rules.Policies, h.Rules.Sites[0].Policies} {
		for i := range list {
			p := &list[i]
			if in := p.Include.Apps; p.Mode != policy.On || len(in) > 0 && !slices.Contains(in, h.App) || slices.Contains(p.Exclude.Apps, h.App) {
				continue
			}
			named := len(p.Include.Networks)+len(p.Exclude.Networks) > 0
			shared := shares && slices.ContainsFunc(p.Conditions.Devices, func(d policy.DeviceCondition) bool { return d.Attribute == policy.Shared })
			if named || shared {
				return true
			}
		}
	}
	return false
}
