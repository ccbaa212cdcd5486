package site

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/session"
)

// written are the identity headers that a site makes of a session.
func written(t *testing.T, s *visitor, draft session.Record) http.Header {
	t.Helper()
	draft.Provider, draft.Identity = "main", session.Identity{Issuer: "http://127.0.0.1:1", Subject: "1"}
	who, _, err := s.sessions(t).Create(t.Context(), draft, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.h.view(who.Session())
	if err != nil {
		t.Fatal(err)
	}
	got := http.Header{}
	m.headers(func(i int, value string) {
		if value != "" {
			got[s.h.headers[i].name] = []string{value}
		}
	})
	return got
}

// Field trial 1.25: each identity header is in the encoding of the site, which goes before that of the app; what cannot be
// written is absent.
func TestHeaderEncoding(t *testing.T) {
	draft := session.Record{
		User: "jörg+x@example.com", Email: "jörg+x@example.com", EmailVerified: true, Name: "Jörg, 日 ", Groups: []string{"Größe, alle", "日本", "ops"},
		GroupsComplete: true, Claims: []byte(`{"town": "Zürich", "roles": ["a,b", "ü"]}`),
	}
	for _, tt := range []struct{ app, site, user, name, groups, town, roles string }{
		{"", "", "jörg+x@example.com", "Jörg, 日", "Größe%2C alle,日本,ops", "Zürich", "a%2Cb,ü"},
		{"base64", "utf8", "jörg+x@example.com", "Jörg, 日", "Größe%2C alle,日本,ops", "Zürich", "a%2Cb,ü"},
		{"", "percent", "j%C3%B6rg%2Bx@example.com", "J%C3%B6rg%2C %E6%97%A5", "Gr%C3%B6%C3%9Fe%2C alle,%E6%97%A5%E6%9C%AC,ops", "Z%C3%BCrich", "a%2Cb,%C3%BC"},
		{"base64", "", "asO2cmcreEBleGFtcGxlLmNvbQ==", "SsO2cmcsIOaXpQ==", "R3LDtsOfZSwgYWxsZQ==,5pel5pys,b3Bz", "WsO8cmljaA==", "YSxi,w7w="},
		{"latin1", "", "j\xf6rg+x@example.com", "", "Gr\xf6\xdfe%2C alle,%E6%97%A5%E6%9C%AC,ops", "Z\xfcrich", "a%2Cb,\xfc"},
	} {
		s := newVisitor(t, &config.App{HeaderEncoding: tt.app}, &config.Site{
			App: "wiki", HeaderEncoding: tt.site, HeaderGroups: true, Header: []config.HeaderClaim{{Name: "X-Town", Claim: "town"}, {Name: "X-Roles", Claim: "roles"}},
		})
		core, logs := observer.New(zap.WarnLevel)
		s.h.writer.Logger = zap.New(core)
		got := written(t, s, draft)
		for name, want := range map[string]string{
			"Remote-User": tt.user, "Remote-Email": tt.user, "Remote-Name": tt.name, "Remote-Groups": tt.groups, "X-Town": tt.town, "X-Roles": tt.roles,
		} {
			if got.Get(name) != want {
				t.Errorf("app %q, site %q: %s is %q, want %q", tt.app, tt.site, name, got.Get(name), want)
			}
		}
		if told := logs.FilterField(zap.String("header", "Remote-Name")).Len(); told != map[bool]int{true: 1}[tt.name == ""] {
			t.Errorf("app %q, site %q: told %d times that the name is left out", tt.app, tt.site, told)
		}
	}
}

// A51: a header of the preset has the name that the site gives it, with the same value, and a client cannot send that name.
func TestHeadersUnderOtherNames(t *testing.T) {
	draft := session.Record{User: "ada", Email: "ada@example.com", EmailVerified: true, Name: "Ada", Groups: []string{"staff", "ops"}, GroupsComplete: true}
	for _, tt := range []struct {
		site config.Site
		want map[string]string
	}{
		{
			config.Site{HeaderGroups: true, HeaderGroupsOnly: []string{"o*"}, HeaderNames: &config.HeaderNames{User: "X-EMPLOYEE", Groups: "X-Roles"}},
			map[string]string{"X-Employee": "ada", "Remote-Email": "ada@example.com", "Remote-Name": "Ada", "X-Roles": "ops"},
		},
		{
			config.Site{HeaderGroups: true, Headers: "none", HeaderNames: &config.HeaderNames{User: "X-Employee", Email: "X-Mail", Name: "X-Called", Groups: "X-Roles"}},
			map[string]string{"X-Employee": "ada", "X-Mail": "ada@example.com", "X-Called": "Ada", "X-Roles": "staff,ops"},
		},
		{config.Site{Headers: "none", HeaderNames: &config.HeaderNames{User: "X-Employee"}}, map[string]string{"X-Employee": "ada"}},
	} {
		tt.site.App = "wiki"
		s := newVisitor(t, &config.App{}, &tt.site)
		got := written(t, s, draft)
		if len(got) != len(tt.want) {
			t.Errorf("%v, want %v", got, tt.want)
		}
		for name, want := range tt.want {
			if got.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, got.Get(name), want)
			}
		}
		for _, spelling := range []string{"X_Employee", "x.employee", "X-EMPLOYEE"} {
			if !s.h.form.Names.Has(spelling) {
				t.Errorf("a client can send %s", spelling)
			}
		}
	}
}

// Field trial 1.27: a site sends the groups that it asks for, in its headers and in its assertion. Policies, placeholders and
// the session have all of them.
func TestOnlySomeGroupsAreSent(t *testing.T) {
	s := newVisitor(t, &config.App{}, &config.Site{
		App: "wiki", Allow: &config.Who{Groups: []string{groupName(3)}}, Deny: &config.Who{Groups: []string{"contractors"}},
		HeaderGroups: true, HeaderGroupsOnly: []string{"*-000000000001", groupName(7)},
		Header:    []config.HeaderClaim{{Name: "X-All", Claim: "groups"}, {Name: "X-Some", Claim: "groups", Only: []string{"*05", "*04"}}},
		Assertion: &config.Assertion{GroupsOnly: []string{"*2"}},
	})
	r := s.request()
	s.serve(t, r) // only a member of group 3 may enter, which no header but X-All names
	if got := r.Header.Get("Remote-Groups"); got != groupName(1)+","+groupName(7) {
		t.Errorf("Remote-Groups: %q", got)
	}
	if got := r.Header.Get("X-Some"); got != groupName(4)+","+groupName(5) {
		t.Errorf("X-Some: %q", got)
	}
	if got := r.Header.Get("X-All"); strings.Count(got, ",") != 9 {
		t.Errorf("X-All: %q", got)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Header.Get(config.AssertionHeader), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims assertionClaims
	if err := json.Unmarshal(payload, &claims); err != nil || !slices.Equal(claims.Groups, []string{groupName(2)}) || claims.GroupsComplete != nil {
		t.Errorf("assertion: %s, %v", payload, err)
	}
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if all, _ := repl.Get("http.auth.user.groups"); len(all.(groups)) != 10 {
		t.Errorf("placeholder: %v", all)
	}
	// Some providers state one group as a text.
	one := session.Record{Claims: []byte(`{"groups": "x,05"}`)}
	if got := written(t, s, one); got.Get("X-Some") != "x%2C05" || got.Get("X-All") != "x,05" || got.Get("Remote-Groups") != "" {
		t.Errorf("a text: %v", got)
	}
	if got := written(t, s, session.Record{Claims: []byte(`{"groups": "x"}`)}); got.Get("X-Some") != "" {
		t.Errorf("a text that does not match: %v", got)
	}
}

// Field trial 1.27: the log warns of a header of groups that most servers refuse, and of an assertion that is as long.
func TestLongHeadersAreTold(t *testing.T) {
	for _, only := range [][]string{nil, {"5f3c*-00000000000?", "*-000000000001"}} {
		s := newVisitor(t, &config.App{}, &config.Site{App: "wiki", HeaderGroups: true, HeaderGroupsOnly: only, Assertion: &config.Assertion{GroupsOnly: only}})
		core, logs := observer.New(zap.WarnLevel)
		for _, header := range []string{"Remote-Groups", config.AssertionHeader} {
			s.h.writer = &identity.Writer{App: "wiki", Logger: zap.New(core), Now: time.Now}
			draft := session.Record{User: "ada", GroupsComplete: true}
			for i := range 250 {
				draft.Groups = append(draft.Groups, groupName(i))
			}
			if header == config.AssertionHeader {
				draft.Groups = draft.Groups[:200] // which is too long in base64 alone
			}
			draft.Provider, draft.Identity = "main", session.Identity{Issuer: "http://127.0.0.1:1", Subject: "1"}
			who, _, err := s.sessions(t).Create(t.Context(), draft, session.Tokens{})
			if err != nil {
				t.Fatal(err)
			}
			p, r := newRequest(s.request()), s.request()
			p.live, p.sessions, p.visit.Origin = who.Session(), s.sessions(t), "https://wiki.example.com"
			if p.view, err = s.h.view(p.live); err != nil {
				t.Fatal(err)
			}
			if err := s.h.assert(r, p); err != nil {
				t.Fatal(err)
			}
			if told := logs.FilterField(zap.String("header", header)).Len(); told != map[bool]int{true: 1}[only == nil] {
				t.Errorf("only %q: told %d times of %s: %v", only, told, header, logs.All())
			}
		}
	}
}
