package signin

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// TestSignInTable runs docs/renewal.md on sign-ins.
func TestSignInTable(t *testing.T) {
	lacking := userInfoSays(map[string]any{"sub": "s-1"})
	noGroups := func(p *oidctest.IDP) { p.Claims = map[string]any{"groups": nil} }
	unnamed := func(p *oidctest.IDP) {
		p.Claims = map[string]any{"preferred_username": nil, "email": "ada@example.com"}
	}
	all := renewalAnswers()
	scenarios := map[string]answering{
		"an ID token with the claims":                                     {},
		"`expires_in` as a text or a fraction":                            {then: func(p *oidctest.IDP) { p.TokenBody = map[string]any{"expires_in": "3600.0"} }},
		"no ID token":                                                     {then: func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": nil} }},
		"an ID token of another aud":                                      {then: func(p *oidctest.IDP) { p.Claims = map[string]any{"aud": "wiki"} }},
		"an ID token with a bad signature":                                {then: func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": oidctest.Forged(p, "ES256")} }},
		"userinfo answers 401, and the ID token names the person":         answering{before: lacking, then: noGroups}.and(at("/userinfo", says(401, nil, ""))),
		"userinfo answers 401, and the ID token does not name the person": answering{before: lacking, then: unnamed}.and(at("/userinfo", says(401, nil, ""))),
		"userinfo answers 503":                                            answering{before: lacking, then: noGroups}.and(at("/userinfo", says(503, nil, ""))),
		"`invalid_grant`":                                                 all["`invalid_grant`"],
		"`invalid_request`":                                               all["`invalid_request`"],
		"`invalid_client`":                                                all["`invalid_client`"],
		"`temporarily_unavailable`":                                       all["`temporarily_unavailable`"],
		"`invalid_grant` with a claims challenge":                         all["`invalid_grant` with a claims challenge"],
		"the same claims challenge again":                                 all["`invalid_grant` with a claims challenge"],
		"400 without a body":                                              all["400 without a body"],
		"200 with HTML":                                                   all["200 with HTML"],
		"429 with `Retry-After`":                                          all["429 with `Retry-After`"],
		"500":                                                             all["500"],
		"no answer in time":                                               all["no answer in time"],
		"nothing to connect to":                                           all["nothing to connect to"],
	}
	rows := tableRows(t, "## A sign-in", "")
	if len(rows) != len(scenarios) {
		t.Errorf("%d rows, %d scenarios", len(rows), len(scenarios))
	}
	for _, want := range rows {
		name := want["answer"]
		a, ok := scenarios[name]
		if !ok {
			t.Errorf("the document has a row %q that no test runs", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := tryRow(t, a)
			b := o.browser()
			asked := b.toProvider("/")
			o.begin(a)
			r := b.callback(asked)
			if name == "the same claims challenge again" {
				r = b.callback(query(t, r.location))
			}
			got := row{"answer": name, "page": fmt.Sprint(r.status), "log": "-", "status": o.status()}
			for _, word := range []string{"provider_error", "idp_down"} {
				if title, err := problemTitle(word); err != nil {
					t.Error(err)
				} else if strings.Contains(r.body, title) {
					got["page"] += " " + word
				}
			}
			if o.log.all != nil {
				got["log"] = fmt.Sprint(int(o.log.last(t).Code))
			}
			if !maps.Equal(got, want) {
				t.Errorf("got  %v\nwant %v\n%s", got, want, r.body)
			}
		})
	}
}

// problemTitle is the English title of a problem's page.
func problemTitle(kind string) (string, error) {
	raw, err := os.ReadFile("../pages/text/en.json")
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(string(raw), `"problem.`+kind+`.title": "`)
	if !ok {
		return "", fmt.Errorf("no title of %s", kind)
	}
	title, _, _ := strings.Cut(rest, `"`)
	return title, nil
}
