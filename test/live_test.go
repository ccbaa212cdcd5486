package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A16: whatever a reload changes about policies, networks and lists holds from the next request of a session that
// exists, for pages and for scripts, and stops holding when it is taken back: none of it ends the session.
func TestPolicyByReload(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "otto", "Yes") // in no group, one factor, authenticated an hour ago
	cookie := c.Cookie(s.host(), s.cookie(""))
	for _, tt := range []struct {
		name, app, site string
		status          int // for a script; a page redirects in place of a 401
		reason          string
	}{
		{"block", "policy p {\nblock\n}", "", 403, "blocked"},
		{"block on a site", "", "policy p {\nblock\n}", 403, "blocked"},
		{"deny", "", "deny user otto", 403, "denied"},
		{"allow others", "", "allow group admins", 403, "not_admitted"},
		{"a network becomes blocked", "network here 127.0.0.0/8\npolicy p {\ninclude network here\nblock\n}", "", 403, "blocked"},
		{"the same network becomes another", "network here 192.0.2.0/24\npolicy p {\ninclude network here\nblock\n}", "", 200, ""},
		{"a network stops being excluded", "network here 192.0.2.0/24\npolicy p {\nexclude network here\nblock\n}", "", 403, "blocked"},
		{"a network is excluded", "network here 127.0.0.0/8\npolicy p {\nexclude network here\nblock\n}", "", 200, ""},
		{"O1: report_only", "policy p {\nmode report_only\nrequire mfa\n}", "", 200, ""},
		{"O1: report_only becomes on", "policy p {\nmode on\nrequire mfa\n}", "", 401, "mfa_required"},
		{"acr", "policy p {\nrequire acr:gold\n}", "", 401, "acr_required"},
		{"one of several", "policy p {\nrequire_any acr:gold mfa\n}", "", 401, "mfa_required"},
		{"F4: a frequency that has passed", "policy p {\nsign_in_frequency 30m\n}", "", 401, "sign_in_frequency"},
		{"F4: one that has not", "policy p {\nsign_in_frequency 2h\n}", "", 200, ""},
		{"F12: the shortest counts", "policy p {\nsign_in_frequency 2h\n}\npolicy q {\nsign_in_frequency 30m\n}", "", 401, "sign_in_frequency"},
		{"F12: every time is shortest of all", "policy p {\nsign_in_frequency every_time\n}\npolicy q {\nsign_in_frequency 30m\n}", "", 401, "sign_in_every_time"},
		{"P12: no device is not a compliant one", "policy p {\nrequire compliant_device\n}", "", 403, "device_unknown"},
		{"P12: not compliant matches no device", "policy p {\nwhen device not compliant\nblock\n}", "", 403, "blocked"},
		{"P12: compliant does not match no device", "policy p {\nwhen device compliant\nblock\n}", "", 200, ""},
		{"R4: block beats all", "policy p {\nblock\n}\npolicy q {\nrequire mfa\n}", "", 403, "blocked"},
		{"nothing", "", "", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.reload(func(c *config) { c.app, c.site = tt.app, tt.site }); err != nil {
				t.Fatal(err)
			}
			before := s.app.Hits()
			r := s.api(c, "/api")
			if r.StatusCode != tt.status || tt.reason != "" && !strings.Contains(r.Text, `"reason":"`+tt.reason+`"`) {
				t.Errorf("a script got %d, want %d %s: %s", r.StatusCode, tt.status, tt.reason, r.Text)
			}
			page := c.Get(s.url("/page"))
			if u := page.Location(); tt.status == 401 && (u == nil || !strings.HasPrefix(u.String(), s.idp.Issuer)) {
				t.Errorf("a page: %d to %v, want the provider", page.StatusCode, u)
			}
			if tt.status != 401 && page.StatusCode != tt.status {
				t.Errorf("a page got %d, want %d", page.StatusCode, tt.status)
			}
			if n := s.app.Hits() - before; (n > 0) != (tt.status == 200) {
				t.Errorf("%d requests reached the app", n)
			}
			if c.Cookie(s.host(), s.cookie("")) != cookie || s.sessions() != 1 {
				t.Fatal("the session did not outlive it")
			}
		})
	}
}

// A74: limits that a reload makes shorter end sessions that exist. Where nothing got shorter, nobody is
// signed out.
func TestLimitsByReload(t *testing.T) {
	t.Parallel()
	limits := func(kind, idle, most string) string {
		return "session {\n" + kind + " {\nidle_limit " + idle + "\nmax_lifetime " + most + "\n}\n}"
	}
	s := newSite(t, config{app: limits("browser", "1h", "2h")})
	browser, lasting := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(browser, "/", "alice", "No")
	s.entered(lasting, "/", "adam", "Yes")
	change := func(app string) {
		t.Helper()
		if err := s.reload(func(c *config) { c.app = app }); err != nil {
			t.Fatal(err)
		}
	}
	change(limits("browser", "1h", "100h"))
	if !s.alive(browser) || !s.alive(lasting) {
		t.Fatal("somebody was signed out by limits that grew")
	}
	began := time.Now()
	rig.Until(t, rig.Patience, "two seconds have passed", func() bool { return time.Since(began) > 2*time.Second })
	change(limits("browser", "1s", "2s"))
	if r := s.api(browser, "/x"); r.StatusCode != 401 || !strings.Contains(r.Text, "session_ended") {
		t.Errorf("A74: a session over its new limits got %d: %s", r.StatusCode, r.Text)
	}
	if !s.alive(lasting) {
		t.Error("the other kind was signed out")
	}
	change(limits("persistent", "1s", "2s"))
	if r := s.api(lasting, "/x"); r.StatusCode != 401 {
		t.Errorf("A74: a persistent session over its new limits got %d", r.StatusCode)
	}
	for _, c := range []*rig.HTTP{browser, lasting} {
		if c.Cookie(s.host(), s.cookie("")) != "" {
			t.Error("the cookie of an ended session was left")
		}
	}
}

// X16, A74: what newly forbids a lasting session ends its persistence at the next request and not the session: by the
// switch, for a site, by a policy. What newly allows one waits for the next sign-in (A16).
func TestPersistenceByReload(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, user, answer, app, site string
		tightened                     bool
	}{
		{"switched off", "alice", "Yes", "stay_signed_in off", "", true},
		{"a policy says never", "alice", "Yes", "policy p {\npersistent_browser never\n}", "", true},
		{"a policy says never to others", "alice", "Yes", "policy p {\ninclude group admins\npersistent_browser never\n}", "", false},
		{"B6: a report-only policy says never", "alice", "Yes", "policy p {\nmode report_only\npersistent_browser never\n}", "", false},
		{"B5: never and always", "alice", "Yes", "policy p {\npersistent_browser never\n}\npolicy q {\npersistent_browser always\n}", "", true},
		{"A16: always does not loosen a No", "alice", "No", "policy p {\npersistent_browser always\n}", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, config{})
			c := rig.NewHTTP(t)
			s.entered(c, "/", tt.user, tt.answer)
			if err := s.reload(func(c *config) { c.app, c.site = tt.app, tt.site }); err != nil {
				t.Fatal(err)
			}
			r := c.Get(s.url("/next"))
			if !isApp(r) {
				t.Fatalf("%d to %v", r.StatusCode, r.Location())
			}
			if ck := sessionCookie(s, r); tt.tightened != (ck != nil) {
				t.Errorf("the next page set %v, want one: %v", ck, tt.tightened)
			} else if ck != nil && (ck.MaxAge != 0 || !ck.Expires.IsZero() || ck.Value == "") {
				t.Errorf("X16: the cookie still lasts: %v", ck)
			}
			if !s.alive(c) || s.sessions() != 1 {
				t.Error("the session ended")
			}
			if err := s.reload(func(c *config) { c.app, c.site = "", "" }); err != nil {
				t.Fatal(err)
			}
			if r := c.Get(s.url("/later")); !isApp(r) || sessionCookie(s, r) != nil {
				t.Errorf("A16: taken back, the next page is %d and sets %v", r.StatusCode, sessionCookie(s, r))
			}
		})
	}
}

func sessionCookie(s *site, r rig.Reply) *http.Cookie {
	for _, ck := range r.Cookies() {
		if ck.Name == s.cookie("") {
			return ck
		}
	}
	return nil
}

// O4, B6: report-only policies that would ask, refuse or decide about persistence leave every answer as it is, byte for
// byte, from the first redirect to sign-out. The log alone knows: what they would have done to whom (O1).
func TestReportOnlyControlsAreInvisible(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{})
	control := []string{
		"require mfa", "require acr:gold", "require compliant_device", "require_any mfa acr:gold", "sign_in_frequency 30m",
		"sign_in_frequency every_time", "max_idle 1s", "persistent_browser always", "persistent_browser never", "when platform linux\nblock",
	}
	var rule strings.Builder
	for i, line := range control {
		rule.WriteString("policy watch-" + string(rune('a'+i)) + " {\nmode report_only until 2020-01-01\n" + line + "\n}\n")
	}
	a := s.noted("otto")
	if err := s.reload(func(c *config) { c.app = rule.String() }); err != nil {
		t.Fatal(err)
	}
	b := s.noted("otto")
	if len(a) != len(b) {
		t.Fatalf("%d answers became %d", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("answer %d differs:\n--- without\n%s\n--- with report_only\n%s", i, a[i], b[i])
		}
	}
	log := toJSON(t, s.gw.SignIns(0)[1])
	for name, want := range map[string]string{
		"watch-a": "reportOnlyInterrupted", "watch-c": "reportOnlyFailure", "watch-e": "reportOnlyInterrupted",
		"watch-f": "reportOnlyInterrupted", "watch-i": "reportOnlySuccess", "watch-j": "reportOnlyFailure",
	} {
		_, entry, _ := strings.Cut(log, `"displayName":"`+name+`"`)
		if entry, _, _ = strings.Cut(entry, "}"); !strings.Contains(entry, want) {
			t.Errorf("O1: %s is not %s in %s", name, want, log)
		}
	}
	if !strings.Contains(log, `"conditionalAccessStatus":"notApplied"`) {
		t.Errorf("L3: report-only policies count as applied: %s", log)
	}
}

// noted signs a person in, uses the session and signs out, and returns every answer of the gateway on the way, without
// what is random or the time. Values of cookies are left out, their attributes are not.
func (s *site) noted(user string) (out []string) {
	s.t.Helper()
	c := rig.NewHTTP(s.t)
	note := func(r rig.Reply) rig.Reply {
		if r.At.Host != s.addr() {
			return r
		}
		h := r.Header.Clone()
		h.Del("Date")
		var cookies []string
		for _, ck := range r.Cookies() {
			name, _, _ := strings.Cut(ck.Name, "-flow-")
			ck.Name, ck.Value = name, "value"
			cookies = append(cookies, ck.String())
		}
		h["Set-Cookie"] = cookies
		out = append(out, r.Status+"\n"+maskTokens(toJSON(s.t, h))+"\n"+maskTokens(r.Text))
		return r
	}
	follow := func(r rig.Reply) rig.Reply {
		for note(r); r.Location() != nil; note(r) {
			r = c.Get(r.Location().String())
		}
		return r
	}
	r := follow(c.Get(s.url("/p?x=1")))
	if r.HasButton(s.t, user) {
		r = follow(c.Send(r.Form(s.t, user)))
	}
	if !isPrompt(r) {
		s.t.Fatalf("B6: the prompt is hidden; at %s: %d", r.At, r.StatusCode)
	}
	follow(c.Send(r.Form(s.t, "Yes")))
	note(s.api(c, "/q"))
	note(c.Get(s.url("/again")))
	r = note(c.Get(s.url("/.latchkey/sign-out")))
	follow(c.Send(r.Form(s.t, "Sign out")))
	note(s.api(c, "/after"))
	return out
}
