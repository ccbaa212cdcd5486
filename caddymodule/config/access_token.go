package config

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// ForwardAccessToken gives the application the user's access token, so that it can call APIs for the user. The token is kept
// with the session, sealed so that only the cookie opens it, and renewed before its end. A request for which there is no
// token that is still valid does not reach the application. With an audience, a resource or a scope the provider exchanges
// the token for another one (RFC 8693), which the application gets instead.
type ForwardAccessToken struct {
	// The header with the token. In `Authorization` the scheme `Bearer` stands before it; in every other header it stands
	// alone. The client's own header of this name is removed. Default: `Authorization`.
	Header string `json:"header,omitempty"`

	// For whom the provider exchanges the token: names of services at the provider. Default: none.
	Audience []string `json:"audience,omitempty"`

	// For which addresses the provider exchanges the token: URLs of services. Default: none.
	Resource []string `json:"resource,omitempty"`

	// The scopes of the exchanged token. Default: what the provider gives.
	Scope []string `json:"scope,omitempty"`
}

// AuthorizationHeader is the default of ForwardAccessToken.Header.
const AuthorizationHeader = "Authorization"

// HeaderName returns the name of the header.
func (f *ForwardAccessToken) HeaderName() string { return cmp.Or(f.Header, AuthorizationHeader) }

// Exchange returns for whom the provider exchanges the token; nil if it does not.
func (f *ForwardAccessToken) Exchange() *oidc.Exchange {
	if len(f.Audience)+len(f.Resource)+len(f.Scope) == 0 {
		return nil
	}
	return &oidc.Exchange{Audience: f.Audience, Resource: f.Resource, Scope: f.Scope}
}

// Describe returns the parameters of the exchange in one line, in the words of a Caddyfile.
func (f *ForwardAccessToken) Describe() string {
	var out []string
	for _, list := range f.lists() {
		if len(list.values) > 0 {
			out = append(out, list.word+" "+strings.Join(list.values, " "))
		}
	}
	return strings.Join(out, "; ")
}

// Summary says in one line what the application gets; empty for nothing.
func (f *ForwardAccessToken) Summary() string {
	if f == nil {
		return ""
	}
	text := "the access token, in " + f.HeaderName()
	if f.Exchange() != nil {
		text += ", exchanged for " + f.Describe()
	}
	return text
}

type tokenList struct {
	word   string
	values []string
}

func (f *ForwardAccessToken) lists() []tokenList {
	return []tokenList{{"audience", f.Audience}, {"resource", f.Resource}, {"scope", f.Scope}}
}

// Check returns the first error that depends on nothing else. A nil value forwards nothing, and is right.
func (f *ForwardAccessToken) Check() error {
	if f == nil {
		return nil
	}
	if err := checkTokenHeader(f.HeaderName()); err != nil {
		return err
	}
	for _, list := range f.lists() {
		for i, value := range list.values {
			switch {
			case HasPlaceholder(value):
			case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
				return fmt.Errorf("%s: %q is empty or has a character that no such value has; write one value after the other, with spaces between them", list.word, value)
			case slices.Contains(list.values[:i], value):
				return fmt.Errorf("%s: %q is listed twice", list.word, value)
			}
			if list.word == "resource" && !HasPlaceholder(value) {
				if u, err := url.Parse(value); err != nil || !u.IsAbs() || strings.Contains(value, "#") {
					return fmt.Errorf("resource: %q is no absolute URL without a fragment (RFC 8693, section 2.1)", value)
				}
			}
		}
	}
	return nil
}

func checkTokenHeader(name string) error {
	if scrub.Same(name, AuthorizationHeader) {
		return nil
	}
	return scrub.CheckName(name)
}

// checkForwarding refuses a header that the site already sets, and a provider whose tokens no application can use.
func (h *Site) checkForwarding(a *App) error {
	f := h.ForwardAccessToken
	if f == nil {
		return nil
	}
	if err := f.Check(); err != nil {
		return fmt.Errorf("forward_access_token: %w", err)
	}
	preset := h.PresetHeaders()
	taken := append([]string{AssertionHeader}, preset[:]...)
	for _, hc := range h.Header {
		taken = append(taken, hc.Name)
	}
	for _, name := range taken {
		if scrub.Same(name, f.HeaderName()) {
			return fmt.Errorf("forward_access_token: header %s is set by the site already", name)
		}
	}
	for i, p := range a.Providers {
		if (slices.Contains(h.Providers, p.Called()) || len(h.Providers) == 0 && i == 0) && (p.strict() || p.bound()) {
			return fmt.Errorf("forward_access_token: provider %q has dpop on or profile fapi2: its tokens are bound to a key of the gateway, and no application can use them", p.Called())
		}
	}
	return nil
}
