package e2e

import (
	"net/url"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

const kmsiReason = `This error occurred due to "Keep me signed in" interrupt when the user was signing in.`

// replicas starts a second gateway on the first one's Redis, key ring, provider and app.
func replicas(t *testing.T, c config) (first, second *site) {
	t.Helper()
	c.data = t.TempDir()
	first = newSite(t, c)
	c.redis, c.peer = first.redis, first
	return first, newSite(t, c)
}

// both collects the entries with a code that either gateway wrote.
func both(code int, sites ...*site) []rig.LogEntry {
	var out []rig.LogEntry
	for _, s := range sites {
		out = append(out, s.gw.SignIns(code)...)
	}
	return out
}

// K17 to K20, A8: of N prompts that are answered and M that are abandoned, exactly M are logged, though two gateways
// watch the same store and both are restarted in between.
func TestAbandonedPromptIsLoggedOnce(t *testing.T) {
	t.Parallel()
	const answered, abandoned = 4, 3
	a, b := replicas(t, config{app: "stay_signed_in {\nabandon_after 6s\n}"})
	for i := range answered {
		s, answer := a, "Yes"
		if i%2 == 1 {
			answer = "No"
		}
		s.entered(rig.NewHTTP(t), "/", "adam", answer)
	}
	late := make([]*rig.Form, abandoned)
	clients := make([]*rig.HTTP, abandoned)
	began := time.Now()
	for i := range abandoned {
		clients[i] = rig.NewHTTP(t)
		r := a.enter(clients[i], "/", "alice", "")
		if !isPrompt(r) {
			t.Fatalf("%d at %s", r.StatusCode, r.At)
		}
		late[i] = r.Form(t, "Yes")
	}
	a.gw.Restart()
	b.gw.Restart()
	rig.Until(t, rig.Patience, "the abandoned prompts are logged", func() bool { return len(both(50140, a, b)) >= abandoned })
	// One more sign-in that is abandoned later: when it is logged, a doubled entry of the others would be there too.
	a.entered(rig.NewHTTP(t), "/", "gina", "")
	last := rig.NewHTTP(t)
	if r := a.enter(last, "/", "adam", ""); !isPrompt(r) {
		t.Fatalf("%d at %s", r.StatusCode, r.At)
	}
	rig.Until(t, rig.Patience, "the last prompt is logged", func() bool { return len(both(50140, a, b)) >= abandoned+1 })
	entries := both(50140, a, b)
	if len(entries) != abandoned+1 {
		t.Errorf("K20: %d entries, want %d", len(entries), abandoned+1)
	}
	ids := map[string]bool{}
	for _, e := range entries {
		checkInterrupt(t, e, began)
		ids[e.Text("correlationId")] = true
	}
	if len(ids) != len(entries) {
		t.Errorf("a sign-in was logged twice: %v", ids)
	}
	if got := len(both(0, a, b)); got != answered+1 { // and gina, a guest, who is not asked
		t.Errorf("%d successful entries, want %d", got, answered+1)
	}
	for i, f := range late {
		r := clients[i].Send(f)
		if isApp(clients[i].Follow(r, nil)) || clients[i].Cookie(a.host(), a.cookie("")) != "" {
			t.Error("a late answer made a session")
		}
	}
	if got := len(both(50140, a, b)); got != abandoned+1 {
		t.Errorf("late answers wrote entries: %d", got)
	}
}

// L8, L9, K18, K19, K21: the entry of an abandoned prompt, field by field.
func checkInterrupt(t *testing.T, e rig.LogEntry, began time.Time) {
	t.Helper()
	status, _ := e["status"].(map[string]any)
	if status["failureReason"] != kmsiReason {
		t.Errorf("K19: failureReason %q", status["failureReason"])
	}
	if e.Text("conditionalAccessStatus") != "notApplied" {
		t.Errorf("L9: conditionalAccessStatus %q", e.Text("conditionalAccessStatus"))
	}
	if e.Text("signInStatus") != "interrupted" || e.Text("level") != "info" {
		t.Errorf("K21: signInStatus %q, level %q", e.Text("signInStatus"), e.Text("level"))
	}
	created, err := time.Parse(time.RFC3339, e.Text("createdDateTime"))
	if err != nil || created.Before(began.Add(-5*time.Second)) || created.After(time.Now()) {
		t.Errorf("createdDateTime %q: %v", e.Text("createdDateTime"), err)
	}
	for _, field := range []string{"id", "correlationId", "userId", "userPrincipalName", "appDisplayName", "ipAddress"} {
		if e.Text(field) == "" {
			t.Errorf("%s is empty in %v", field, e)
		}
	}
}

// A prompt is abandoned early, and logged at once and once, when its browser cancels or starts anew.
func TestPromptAbandonedEarly(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(t *testing.T, s *site, c *rig.HTTP, prompt rig.Reply){
		"cancelled": func(t *testing.T, _ *site, c *rig.HTTP, prompt rig.Reply) {
			if r := c.Press(prompt, "Cancel sign-in"); isApp(r) || isPrompt(r) {
				t.Errorf("after cancelling: %d at %s", r.StatusCode, r.At)
			}
		},
		"begun anew": func(t *testing.T, s *site, c *rig.HTTP, prompt rig.Reply) {
			r := c.Follow(c.Get(s.url("/.latchkey/sign-in?"+url.Values{"return": {"/"}}.Encode())), nil)
			if r = c.Press(c.Press(r, "alice"), "Yes"); !isApp(r) {
				t.Errorf("the new sign-in: %d at %s", r.StatusCode, r.At)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, config{app: "stay_signed_in {\nabandon_after 12s\n}"})
			c := rig.NewHTTP(t)
			prompt := s.enter(c, "/", "alice", "")
			if !isPrompt(prompt) {
				t.Fatalf("%d at %s", prompt.StatusCode, prompt.At)
			}
			leave(t, s, c, prompt)
			s.gw.AwaitSignIns(50140, 1, 11*time.Second) // before the time is up
			// A second abandonment, by time: when that is logged, the first would have been logged twice.
			s.enter(rig.NewHTTP(t), "/", "adam", "")
			s.gw.AwaitSignIns(50140, 2, rig.Patience)
			if n := len(s.gw.SignIns(50140)); n != 2 {
				t.Errorf("%d entries, want 2", n)
			}
			if s.sessions() > 1 {
				t.Errorf("%d sessions", s.sessions())
			}
		})
	}
}

// A prompt that one gateway shows is answered at another.
func TestPromptAnsweredAtAnotherReplica(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, config{app: "stay_signed_in {\nabandon_after 5s\n}", idp: nil})
	c := rig.NewHTTP(t)
	form := a.enter(c, "/x", "alice", "").Form(t, "Yes")
	target, err := url.Parse(form.Action)
	if err != nil {
		t.Fatal(err)
	}
	// The second gateway stands in for the first behind the same address: same Host, another port.
	r := c.Do(rig.Call{URL: b.url(target.Path), Form: form.Values, Navigate: true, Header: map[string][]string{
		"Host": {target.Host}, "Origin": {a.origin()}, "Sec-Fetch-Site": {"same-origin"},
	}})
	if r.StatusCode >= 400 || c.Cookie(a.host(), a.cookie("")) == "" {
		t.Fatalf("answered at the other replica: %d\n%s", r.StatusCode, r.Text)
	}
	if !a.alive(c) {
		t.Error("the session is unknown to the replica that asked")
	}
	if got := len(both(50140, a, b)); got != 0 {
		t.Errorf("K20: %d entries for an answered prompt", got)
	}
}

// A session revoked at one gateway is dead at the other within a second.
func TestRevocationReachesTheOtherReplica(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, config{})
	c := rig.NewHTTP(t)
	a.entered(c, "/", "alice", "Yes")
	if !b.alive(c) {
		t.Fatal("the other replica does not know the session")
	}
	thief := c.Copy(t)
	c.Send(c.Get(a.url("/.latchkey/sign-out")).Form(t, "Sign out"))
	b.mustBeDead(thief, "the copy at the other replica")
}
