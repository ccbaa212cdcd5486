package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// walk signs a plain client in, one request at a time, until the prompt or the app, and returns the session cookie as it
// was set on the way.
func (s *site) walk(c *rig.HTTP, user string) (last rig.Reply, cookie *http.Cookie) {
	s.t.Helper()
	r := c.Follow(c.Get(s.url("/")), nil)
	r = c.Send(r.Form(s.t, user))
	for range 20 {
		for _, ck := range r.Cookies() {
			if ck.Name == s.cookie("") && ck.Value != "" {
				cookie = ck
			}
		}
		switch {
		case r.Location() != nil:
			r = c.Get(r.Location().String())
		case r.HasButton(s.t, "Allow"):
			r = c.Send(r.Form(s.t, "Allow"))
		default:
			return r, cookie
		}
	}
	s.t.Fatalf("no end of redirects; at %s", r.At)
	return r, nil
}

// K9 to K15 and K23: who is asked and what kind of session those get who are not.
func TestPromptIsHidden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, user    string
		app, provider string
		asked, lasts  bool
	}{
		{"row 12: nobody else is spared", "alice", "", "", true, false},
		{"K9 K10: integrated Windows authentication", "wendy", "", "", false, false},
		{"K11: guest", "gina", "", "", false, false},
		{"K12: user risk", "ulla", "", "", false, false},
		{"K13: consent", "alice", "", "auth_param prompt consent", false, false},
		{"K14: sign-in risk", "rita", "", "", false, false},
		{"K14: shared device", "sam", "", "", false, false},
		{"K15: never", "alice", "policy p {\npersistent_browser never\n}", "", false, false},
		{"K15: always", "alice", "policy p {\npersistent_browser always\n}", "", false, true},
		{"B5: never beats always", "alice", "policy p {\npersistent_browser always\n}\npolicy q {\npersistent_browser never\n}", "", false, false},
		{"K15 over K11: always, for a guest", "gina", "policy p {\npersistent_browser always\n}", "", false, true},
		{"K23: in the group", "adam", "policy p {\ninclude group admins\npersistent_browser never\n}", "", false, false},
		{"K23: not in the group", "alice", "policy p {\ninclude group admins\npersistent_browser never\n}", "", true, false},
		{"B6: report only", "alice", "policy p {\nmode report_only\npersistent_browser always\n}", "", true, false},
		{"K7: switched off", "alice", "stay_signed_in off", "", false, false},
		{"fewer suppressed: a guest is asked", "gina", "stay_signed_in {\nsuppress high_risk\n}", "", true, false},
		{"an answer that changes nothing", "alice", "session {\nbrowser {\nidle_limit 1h\nmax_lifetime 2h\n}\npersistent {\nidle_limit 1h\nmax_lifetime 2h\n}\n}", "", false, false},
	}
	s := newSite(t, config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.reload(func(c *config) { c.app, c.provider = tt.app, tt.provider }); err != nil {
				t.Fatal(err)
			}
			r, cookie := s.walk(rig.NewHTTP(t), tt.user)
			if isPrompt(r) != tt.asked {
				t.Fatalf("asked: %v, want %v; at %s: %d\n%s", isPrompt(r), tt.asked, r.At, r.StatusCode, r.Text)
			}
			if tt.asked {
				return
			}
			if !isApp(r) || cookie == nil {
				t.Fatalf("at %s: %d, cookie %v\n%s", r.At, r.StatusCode, cookie, r.Text)
			}
			if got := cookie.MaxAge > 0; got != tt.lasts {
				t.Errorf("persistent: %v, want %v", got, tt.lasts)
			}
		})
	}
}

// K7, K22, X16, A74: switched off by a reload, nobody is asked any more, no 50140 is written any more, and persistent
// sessions end with their browser from the next request on.
func TestPromptSwitchedOffLive(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	before := rig.NewHTTP(t)
	s.entered(before, "/", "alice", "Yes")
	if err := s.reload(func(c *config) { c.app = "stay_signed_in off" }); err != nil {
		t.Fatal(err)
	}
	c := rig.NewHTTP(t)
	if r := s.enter(c, "/", "adam", ""); !isApp(r) {
		t.Fatalf("asked although switched off: %s", r.Text)
	}
	if n := len(s.gw.SignIns(50140)); n != 0 {
		t.Errorf("%d entries with 50140", n)
	}
	r := before.Get(s.url("/"))
	switch {
	case isApp(r): // the session goes on as one that ends with the browser
		rewritten := false
		for _, ck := range r.Cookies() {
			if ck.Name == s.cookie("") {
				rewritten = ck.MaxAge == 0 && ck.Expires.IsZero()
			}
		}
		if !rewritten {
			t.Errorf("X16: the persistent cookie was not replaced: %v", r.Header.Values("Set-Cookie"))
		}
	case r.Location() != nil: // or it ends at once
	default:
		t.Errorf("X16: %d %s", r.StatusCode, r.Text)
	}
}

// The prompt states both real lifetimes, in words, as configured.
func TestPromptStatesTheLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "session {\nbrowser {\nidle_limit 3h\nmax_lifetime 9h\n}\npersistent {\nidle_limit 20d\nmax_lifetime 40d\n}\n}"})
	r := s.enter(rig.NewHTTP(t), "/", "alice", "")
	for _, want := range []string{promptTitle, "3 hours", "9 hours", "20 days", "40 days", "alice"} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("the prompt does not say %q", want)
		}
	}
}

// K14, A7: two people who signed in from one browser within a week make it a shared device.
func TestSecondPersonMakesASharedDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	if r := s.enter(c, "/", "alice", "No"); !isApp(r) {
		t.Fatalf("alice: %d at %s", r.StatusCode, r.At)
	}
	c.SetCookie(s.host(), s.cookie(""), "")
	if r := s.enter(c, "/", "adam", ""); !isApp(r) {
		t.Errorf("the second person is asked: %d at %s", r.StatusCode, r.At)
	}
	if r := s.enter(rig.NewHTTP(t), "/", "adam", ""); !isPrompt(r) {
		t.Errorf("the same person in another browser is not asked: %d at %s", r.StatusCode, r.At)
	}
}
