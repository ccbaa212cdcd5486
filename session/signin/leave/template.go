package leave

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Template is a URL with placeholders for the parameters of a sign-out: {client_id}, {post_logout_redirect_uri},
// {state}, {id_token_hint} and {logout_hint}.
type Template struct{ raw string }

var inBraces = regexp.MustCompile(`\{[^{}]*\}`)

// Names returns the placeholders that a template may contain.
func Names() []string { return slices.Sorted(maps.Keys(Request{}.params())) }

// Parse parses a template. Placeholders are allowed only in the query, so that no value decides where the user is sent.
func Parse(raw string) (*Template, error) {
	for _, at := range inBraces.FindAllStringIndex(raw, -1) {
		name := raw[at[0]+1 : at[1]-1]
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("{%s} is no placeholder here: there are {%s}", name, strings.Join(Names(), "}, {"))
		}
		if !strings.Contains(raw[:at[0]], "?") || strings.Contains(raw[:at[0]], "#") {
			return nil, fmt.Errorf("{%s} stands outside the query", name)
		}
	}
	plain := inBraces.ReplaceAllString(raw, "")
	if strings.ContainsAny(plain, "{}") {
		return nil, fmt.Errorf("%q has a brace that is no placeholder", raw)
	}
	if _, err := url.Parse(plain); err != nil {
		return nil, fmt.Errorf("%q is no URL", raw)
	}
	return &Template{raw}, nil
}

// Address returns the template without its placeholders, for a check of the address.
func (t *Template) Address() string { return inBraces.ReplaceAllString(t.raw, "") }

// ShowsIDToken reports whether the template needs the ID token of a session.
func (t *Template) ShowsIDToken() bool { return strings.Contains(t.raw, "{id_token_hint}") }

// In returns the URL of a template filled from the request.
func (r Request) In(t *Template) (string, error) {
	if !t.ShowsIDToken() {
		r.IDToken = ""
	}
	return r.fitting(func(r Request) string {
		params := r.params()
		return inBraces.ReplaceAllStringFunc(t.raw, func(found string) string {
			return url.QueryEscape(params[found[1:len(found)-1]])
		})
	})
}
