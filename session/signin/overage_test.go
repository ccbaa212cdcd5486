package signin

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// TestGroupOverage holds A6: groups that did not fit into the token are fetched where that is configured, and stay
// unknown, which is not none, where it is not or where the answer is not whole.
func TestGroupOverage(t *testing.T) {
	many := make([]string, 2001)
	for i := range many {
		many[i] = "g-" + strconv.Itoa(i)
	}
	for _, c := range []struct {
		name     string
		off      bool
		graph    any
		status   int
		complete bool
		groups   int
	}{
		{"whole", false, map[string]any{"value": []string{"a", "b"}}, 200, true, 2},
		{"empty", false, map[string]any{"value": []string{}}, 200, true, 0},
		{"not configured", true, map[string]any{"value": []string{"a"}}, 200, false, 0},
		{"refused", false, map[string]any{"error": "no"}, 403, false, 0},
		{"another form", false, map[string]any{"values": []string{"a"}}, 200, false, 0},
		{"not names", false, map[string]any{"value": []any{"a", 7}}, 200, false, 0},
		{"a part", false, map[string]any{"value": []string{"a"}, "@odata.nextLink": "https://more"}, 200, false, 0},
		{"more than can be kept", false, map[string]any{"value": many}, 200, false, 2000},
	} {
		t.Run(c.name, func(t *testing.T) {
			var who *session.Record
			g := newGateway(t, func(s *settings) {
				s.idp = oidctest.New(t, s.clock.Now)
				s.idp.Graph, s.idp.GraphStatus = c.graph, c.status
				s.idp.Claims = map[string]any{
					"groups": nil, "_claim_names": map[string]string{"groups": "src1"},
					"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/x"}},
				}
				if !c.off {
					s.claims.GraphURL = s.idp.URL + "/v1.0/"
				}
				s.admit = func(_ *access.Visit, w *session.Record) access.Admission { who = w; return access.Admission{} }
			})
			b := g.browser()
			if r := b.callback(b.toProvider("/")); !stays(r.location) {
				t.Fatalf("%d to %q: a sign-in must not fail for it", r.status, r.location)
			}
			if who.GroupsComplete != c.complete || len(who.Groups) != c.groups {
				t.Errorf("%d groups, complete %t", len(who.Groups), who.GroupsComplete)
			}
			if asked := g.idp.Count("/v1.0/me/getMemberObjects"); asked > 1 || c.off && asked > 0 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// TestHugeAnswers: what a provider makes too large to keep is dropped, and the sign-in succeeds with what decides.
func TestHugeAnswers(t *testing.T) {
	g := newGateway(t)
	many := make([]string, 200_000/40)
	for i := range many {
		many[i] = "00000000-0000-4000-8000-" + strings.Repeat("0", 6) + strconv.Itoa(100_000+i)
	}
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"groups": many, "junk": strings.Repeat(session.NewRandom(1000), 100), "picture": session.NewRandom(30_000)}
		p.TokenBody = map[string]any{"refresh_token": session.NewRandom(50_000)}
	})
	b := g.browser()
	b.signIn("yes")
	if r := b.get("/"); r.status != http.StatusOK {
		t.Fatalf("%d", r.status)
	}
	b.signOut()
}
