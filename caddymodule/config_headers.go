package caddymodule

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

// presetHeaders are the headers that a site sets by its preset: for user, email, name and, where it asks for them, groups,
// in this order.
func (h *SiteConfig) presetHeaders() []string {
	preset := headerPresets[cmp.Or(h.Headers, defaultHeaders)]
	if len(preset) > 0 && !h.HeaderGroups {
		preset = preset[:len(preset)-1]
	}
	return preset
}

const defaultHeaders = "remote"

// presetGroups is the place of the groups in a preset.
const presetGroups = 3

// headerPresets are the values of Handler.Headers: the headers for user, email, name and groups, in this order.
var headerPresets = map[string][]string{
	"remote":    {"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups"},
	"forwarded": {"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Forwarded-Groups"},
	"none":      nil,
}

// HeaderClaim is a header that carries a claim to the application.
type HeaderClaim struct {
	// The name of the header. Whatever a client sends in it is removed, in every spelling.
	Name string `json:"name"`

	// The claim. A dot leads into an object. What a token says about itself (`exp`, `iat`, `nbf`, `jti`, `nonce` and
	// hashes) is refused, for a session need not keep it. Of claims over 12 KB a session keeps those that headers name; one
	// that is that large itself has no header.
	Claim string `json:"claim"`

	// Of a claim that is a list, send only the elements that match one of these patterns, in which `*` stands for any
	// characters. Upper and lower case differ. A text counts as a list of one. Default: all of it.
	Only []string `json:"only,omitempty"`
}

var headersWords = []string{"remote", "forwarded", "none"}

var (
	errGroupsNowhere = errors.New("headers none has no header for groups; `header <Name> <claim>` sets one of any name")
	errAllGroups     = errors.New("`groups` without `only` sends all groups, so no other `groups` can stand beside it")
	errOnlyOfNothing = errors.New("header_groups_only goes with header_groups")
)

// checkHeaders refuses an unknown set or encoding, groups where there is no header for them, and a header twice.
func (h *SiteConfig) checkHeaders() error {
	if h.Headers != "" && !slices.Contains(headersWords, h.Headers) {
		return fmt.Errorf("headers: %q is none of %s", h.Headers, strings.Join(headersWords, ", "))
	}
	if err := checkEncoding(h.HeaderEncoding); err != nil {
		return err
	}
	switch {
	case h.HeaderGroups && h.Headers == "none":
		return errGroupsNowhere
	case len(h.HeaderGroupsOnly) > 0 && !h.HeaderGroups:
		return errOnlyOfNothing
	}
	if err := identity.CheckPatterns(h.HeaderGroupsOnly); err != nil {
		return fmt.Errorf("groups only: %w", err)
	}
	for i, hc := range h.Header {
		if err := h.checkHeader(hc, h.Header[:i]); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader refuses a header that another word of the site sets already, or that cannot carry a claim.
func (h *SiteConfig) checkHeader(hc HeaderClaim, before []HeaderClaim) error {
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
	if scrub.Same(hc.Name, assertionHeader) {
		return fmt.Errorf("header %s is the one of `assertion`", hc.Name)
	}
	for _, other := range before {
		if scrub.Same(other.Name, hc.Name) {
			return fmt.Errorf("header %s is set twice", hc.Name)
		}
	}
	for _, name := range h.presetHeaders() {
		if scrub.Same(name, hc.Name) {
			return fmt.Errorf("header %s is set by `headers %s` already", hc.Name, cmp.Or(h.Headers, defaultHeaders))
		}
	}
	return nil
}

func checkEncoding(word string) error {
	if _, ok := identity.ParseEncoding(word); !ok {
		return fmt.Errorf("header_encoding: %q%s", word, suggestion(word, identity.Encodings))
	}
	return nil
}
