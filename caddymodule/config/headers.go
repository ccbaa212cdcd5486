package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// PresetHeaders returns the headers of the site's preset under the names that the site gives them, in this order: user,
// email, name, groups. An empty name is a header that is not sent.
func (h *Site) PresetHeaders() [4]string {
	names := headerPresets[cmp.Or(h.Headers, defaultHeaders)]
	for i, name := range h.HeaderNames.inOrder() {
		names[i] = cmp.Or(name, names[i])
	}
	if !h.HeaderGroups {
		names[PresetGroups] = ""
	}
	return names
}

// HeaderNames are names for the headers of a preset, for an application that reads others. An empty one leaves the name of
// the preset.
type HeaderNames struct {
	// The header with the name of the user: the same value as in Remote-User.
	User string `json:"user,omitempty"`

	// The header with the mail address.
	Email string `json:"email,omitempty"`

	// The header with the display name.
	Name string `json:"name,omitempty"`

	// The header with the groups, if the site sends them.
	Groups string `json:"groups,omitempty"`
}

// inOrder returns the names in the order of a preset. Nil has none.
func (n *HeaderNames) inOrder() [4]string {
	if n == nil {
		return [4]string{}
	}
	return [4]string{n.User, n.Email, n.Name, n.Groups}
}

// CheckHeaderNames refuses a name that no header of a user can have, one that stands twice, and one for groups that are not
// sent.
func (h *Site) CheckHeaderNames() error {
	for _, name := range h.HeaderNames.inOrder() {
		if name == "" {
			continue
		}
		if err := scrub.CheckName(name); err != nil {
			return err
		}
		if scrub.Same(name, AssertionHeader) {
			return fmt.Errorf("header %s is the one of `assertion`", name)
		}
		same := 0
		for _, other := range h.PresetHeaders() {
			if scrub.Same(name, other) {
				same++
			}
		}
		if same > 1 {
			return fmt.Errorf("header %s is set twice", name)
		}
	}
	if h.HeaderNames != nil && h.HeaderNames.Groups != "" && !h.HeaderGroups {
		return errNameOfNothing
	}
	return nil
}

const defaultHeaders = "remote"

// PresetGroups is the index of the groups header in a preset.
const PresetGroups = 3

// headerPresets maps each value of Site.Headers to the headers for user, email, name and groups, in this order.
var headerPresets = map[string][4]string{
	"remote":    {"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups"},
	"forwarded": {"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Forwarded-Groups"},
	"none":      {},
}

var HeadersWords = []string{"remote", "forwarded", "none"}

var (
	ErrGroupsNowhere = errors.New("headers none has no header for groups; `groups as <Name>` gives them one")
	ErrAllGroups     = errors.New("`groups` without `only` sends all groups, so no other `groups` can stand beside it")
	errOnlyOfNothing = errors.New("header_groups_only goes with header_groups")
	errNameOfNothing = errors.New("header_names: groups goes with header_groups")
)

// checkHeaders refuses an unknown preset or encoding, groups without a header for them, and a header that is set twice.
func (h *Site) checkHeaders() error {
	if h.Headers != "" && !slices.Contains(HeadersWords, h.Headers) {
		return fmt.Errorf("headers: %q is none of %s", h.Headers, strings.Join(HeadersWords, ", "))
	}
	if err := checkEncoding(h.HeaderEncoding); err != nil {
		return err
	}
	switch {
	case h.HeaderGroups && h.PresetHeaders()[PresetGroups] == "":
		return ErrGroupsNowhere
	case len(h.HeaderGroupsOnly) > 0 && !h.HeaderGroups:
		return errOnlyOfNothing
	}
	if err := identity.CheckPatterns(h.HeaderGroupsOnly); err != nil {
		return fmt.Errorf("groups only: %w", err)
	}
	if err := h.CheckHeaderNames(); err != nil {
		return err
	}
	for i, hc := range h.Header {
		if err := h.CheckHeader(hc, h.Header[:i]); err != nil {
			return err
		}
	}
	return nil
}

// CheckHeader refuses a header that the site already sets, or that cannot carry a claim.
func (h *Site) CheckHeader(hc HeaderClaim, before []HeaderClaim) error {
	if err := scrub.CheckName(hc.Name); err != nil {
		return err
	}
	if hc.Claim == "" {
		return fmt.Errorf("header %s: the claim is missing", hc.Name)
	}
	if oidc.AboutToken(hc.Claim) {
		return fmt.Errorf("header %s: the claim %q is about the ID token, not about the person, and is not kept", hc.Name, hc.Claim)
	}
	if err := identity.CheckPatterns(hc.Only); err != nil {
		return fmt.Errorf("header %s: only: %w", hc.Name, err)
	}
	if scrub.Same(hc.Name, AssertionHeader) {
		return fmt.Errorf("header %s is the one of `assertion`", hc.Name)
	}
	for _, other := range before {
		if scrub.Same(other.Name, hc.Name) {
			return fmt.Errorf("header %s is set twice", hc.Name)
		}
	}
	for _, name := range h.PresetHeaders() {
		if scrub.Same(name, hc.Name) {
			return fmt.Errorf("header %s is set by `headers %s` already", hc.Name, cmp.Or(h.Headers, defaultHeaders))
		}
	}
	return nil
}

func checkEncoding(word string) error {
	if _, ok := identity.ParseEncoding(word); !ok {
		return fmt.Errorf("header_encoding: %q%s", word, Suggest(word, identity.Encodings))
	}
	return nil
}

// Assertion makes the site send its application a signed statement about the user: a JWT in the header
// X-Latchkey-Assertion. The application verifies the signature, so that it does not have to trust every client that can
// reach it. The public keys are at /.latchkey/keys of the site.
type Assertion struct {
	// The recipient: the claim `aud`. Default: the name of the app.
	Audience string `json:"audience,omitempty"`

	// The groups in the assertion: those that match one of these patterns. `*` matches any characters; case matters.
	// Policies always see all groups. Default: all groups; from about 200 groups on the header is then too long for
	// most servers.
	GroupsOnly []string `json:"groups_only,omitempty"`
}

// AssertionHeader is the header that carries the assertion. Package scrub deletes it from every request, in every
// spelling.
const AssertionHeader = "X-Latchkey-Assertion"

// Check refuses values that no assertion can carry. A nil assertion is none, and right.
func (a *Assertion) Check() error {
	if a == nil {
		return nil
	}
	if a.Audience != "" {
		if err := CheckName(a.Audience); err != nil {
			return fmt.Errorf("assertion: %w", err)
		}
	}
	if err := identity.CheckPatterns(a.GroupsOnly); err != nil {
		return fmt.Errorf("assertion: groups only: %w", err)
	}
	return nil
}
