package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

// signals are the words for a stream of a transmitter about the users of the only provider.
func signals(tr *transmitter.Transmitter, more string) string {
	return "signals hub {\nissuer " + tr.Issuer + "\naudience " + transmitter.Audience + "\nprovider default\npush\n" + more + "\n}"
}

// stream is where a site takes events.
func (s *site) stream() string { return s.url("/.latchkey/events/hub") }

// mustTake pushes an event, which has to be acknowledged.
func (s *site) mustTake(tr *transmitter.Transmitter, token string) {
	s.t.Helper()
	if a := tr.Push(s.stream(), token); a.Status != http.StatusAccepted {
		s.t.Fatalf("the event was answered %d %s", a.Status, a.Err)
	}
}

// An account is disabled: within a second its sessions and WebSockets are gone on both replicas, and the sign-in that waits
// at the prompt ends with a page that says so. Those of other users go on. The log says what happened, once, however often the
// event comes and to whichever replica.
func TestSignalAccountDisabled(t *testing.T) {
	t.Parallel()
	for name, subject := range map[string]func(*site) any{
		"by sub":     func(s *site) any { return transmitter.User(s.idp.Issuer, "alice") },
		"by address": func(*site) any { return transmitter.Mail("Alice@Example.com") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, users := transmitter.New(t), people()
			users["alice"]["email_verified"] = true
			a, b := replicas(t, config{app: signals(tr, ""), users: users})
			alice, adam, begun := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
			a.entered(alice, "/", "alice", "Yes")
			a.entered(adam, "/", "adam", "Yes")
			prompt := a.enter(begun, "/", "alice", "")
			if !isPrompt(prompt) {
				t.Fatalf("no prompt: %d\n%s", prompt.StatusCode, prompt.Text)
			}
			cut := map[string]chan time.Time{"on the replica that is told": a.openSocket(alice), "on the other replica": b.openSocket(alice)}
			other := b.openSocket(adam)
			began := time.Now()
			rig.Until(t, rig.Patience, "the second of the sign-in is over", func() bool { return time.Since(began) > time.Second })
			token := tr.Token(transmitter.RISC+"account-disabled", subject(a), nil, nil)
			ended := time.Now()
			b.mustTake(tr, token)
			for name, ch := range cut {
				select {
				case at := <-ch:
					if late := at.Sub(ended); late > time.Second {
						t.Errorf("the WebSocket %s was cut %s after the event", name, late)
					}
				case <-time.After(rig.Patience):
					t.Errorf("the WebSocket %s was never cut", name)
				}
			}
			for _, s := range []*site{a, b} {
				s.mustBeDead(alice, "alice")
				if !s.alive(adam) {
					t.Error("another user was signed out")
				}
			}
			select {
			case <-other:
				t.Error("the WebSocket of another user was cut")
			default:
			}
			if r := begun.Press(prompt, "Yes"); r.StatusCode != http.StatusForbidden || !strings.Contains(r.Text, "Your organisation signed you out") || !strings.Contains(r.Text, "Your account was disabled or removed.") {
				t.Errorf("the answer to the prompt: %d\n%s", r.StatusCode, r.Text)
			}
			a.mustTake(tr, token)
			b.mustTake(tr, token)
			told := 0
			for _, e := range append(a.gw.AwaitSignIns(50173, 1, rig.Patience), b.gw.SignIns(50173)...) {
				if by, _ := e["initiatedBy"].(map[string]any); by != nil {
					if told++; by["activityDisplayName"] != "account-disabled" || e.Text("userId") == "" {
						t.Errorf("entry %v", e)
					}
				}
			}
			if told != 1 {
				t.Errorf("%d entries about the event", told)
			}
		})
	}
}

// A password was changed: the session goes on once the user has authenticated again. A provider that does not ask again
// is noticed (50196).
func TestSignalCredentialChange(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	s := stepSite(t, config{app: signals(tr, "")})
	otto, lars := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(otto, "/", "otto", "Yes")
	s.entered(lars, "/", "lars", "Yes")
	for _, who := range []string{"otto", "lars"} {
		s.mustTake(tr, tr.Token(transmitter.CAEP+"credential-change", transmitter.User(s.idp.Issuer, who), nil, transmitter.Map{
			"events": transmitter.Map{transmitter.CAEP + "credential-change": transmitter.Map{"change_type": "update", "credential_type": "password"}},
		}))
	}
	if r := s.api(otto, "/api"); r.StatusCode != http.StatusUnauthorized || !strings.Contains(r.Text, `"reason":"credential_changed"`) {
		t.Errorf("a script: %d %s", r.StatusCode, r.Text)
	}
	form, asked := s.atForm(otto, otto.Get(s.url("/page")))
	if asked["prompt"] != "login" && asked["max_age"] != "0" {
		t.Errorf("the provider was asked for %v", asked)
	}
	if r := otto.Press(form, "otto"); !isApp(r) || !s.alive(otto) {
		t.Errorf("after a new authentication: %d at %s", r.StatusCode, r.At)
	}
	r := lars.Follow(lars.Get(s.url("/page")), nil)
	for range 5 {
		if !r.HasButton(t, "lars") {
			break
		}
		r = lars.Press(r, "lars")
	}
	if isApp(r) || s.alive(lars) {
		t.Errorf("without a new authentication: %d at %s", r.StatusCode, r.At)
	}
}

// What a transmitter may do wrong, and what a stranger may try: the answer by RFC 8935, and that nothing of it reaches a
// session. What is only unusual is acted on.
func TestSignalOddTransmitters(t *testing.T) {
	t.Parallel()
	type m = transmitter.Map
	tr, stranger, unknown := transmitter.New(t), transmitter.New(t), transmitter.New(t)
	stranger.Imitate(tr)
	s := newSite(t, config{app: signals(tr, "")})
	user := transmitter.User(s.idp.Issuer, "alice")
	const disabled = transmitter.RISC + "account-disabled"
	body := func(more m) m { return m{"events": m{disabled: more}} }
	now := time.Now().Unix()
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	// The keys are known from here on: an unknown one in the first token of all would just have been asked for.
	if a := tr.Push(s.stream(), tr.Token(disabled, transmitter.User("https://other.example.com", "alice"), nil, nil)); a.Status != http.StatusAccepted {
		t.Errorf("the first event: %d %s", a.Status, a.Err)
	}
	for name, row := range map[string]struct {
		token  string
		status int
		err    string
	}{
		"an ID token":                    {tr.Token(disabled, user, m{"typ": "JWT"}, m{"sub": "alice", "exp": now + 600}), 400, "invalid_request"},
		"no type":                        {tr.Token(disabled, user, m{"typ": nil}, nil), 400, "invalid_request"},
		"with sub":                       {tr.Token(disabled, user, nil, m{"sub": "alice"}), 400, "invalid_request"},
		"with exp":                       {tr.Token(disabled, user, nil, m{"exp": now + 600}), 400, "invalid_request"},
		"two events":                     {tr.Token(disabled, user, nil, m{"events": m{disabled: m{}, transmitter.RISC + "account-purged": m{}}}), 400, "invalid_request"},
		"two subjects":                   {tr.Token(disabled, user, nil, body(m{"subject": transmitter.Mail("adam@example.com")})), 400, "invalid_request"},
		"of another issuer":              {tr.Token(disabled, user, nil, m{"iss": s.idp.Issuer}), 400, "invalid_issuer"},
		"for another receiver":           {tr.Token(disabled, user, nil, m{"aud": "https://other.example.com"}), 400, "invalid_audience"},
		"a stranger's":                   {stranger.Token(disabled, user, nil, m{"iss": tr.Issuer}), 400, "invalid_key"},
		"with an unknown key":            {unknown.Token(disabled, user, nil, m{"iss": tr.Issuer}), 503, ""},
		"from the future":                {tr.Token(disabled, user, nil, m{"iat": now + 3600}), 400, "invalid_request"},
		"about another provider's user":  {tr.Token(disabled, transmitter.User("https://other.example.com", "alice"), nil, nil), 202, ""},
		"about an address, not verified": {tr.Token(disabled, transmitter.Mail("alice@example.com"), nil, nil), 202, ""},
		"about a tenant":                 {tr.Token(disabled, m{"format": "complex", "tenant": m{"format": "opaque", "id": "t"}}, nil, nil), 202, ""},
		"of an unknown kind":             {tr.Token("https://events.example.com/coffee", user, nil, nil), 202, ""},
		"a verification":                 {tr.Token(transmitter.SSF+"verification", m{"format": "opaque", "id": "stream"}, nil, nil), 202, ""},
		"of before, in milliseconds":     {tr.Token(disabled, user, nil, body(m{"event_timestamp": (now - 3600) * 1000})), 202, ""},
		"a session of a user at no sid":  {tr.Token(transmitter.CAEP+"session-revoked", m{"session": m{"format": "opaque", "id": "e3b0c442"}, "user": transmitter.Mail("alice@example.com")}, nil, nil), 202, ""},
	} {
		if a := tr.Push(s.stream(), row.token); a.Status != row.status || a.Err != row.err {
			t.Errorf("%s: %d %s, want %d %s", name, a.Status, a.Err, row.status, row.err)
		}
	}
	if a := tr.Push(s.url("/.latchkey/events/other"), tr.Token(disabled, user, nil, nil)); a.Status != http.StatusNotFound {
		t.Errorf("a stream that is not there: %d", a.Status)
	}
	if r := c.Get(s.stream()); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", r.StatusCode)
	}
	if !s.alive(c) {
		t.Fatal("something of it ended the session")
	}
	if n := tr.KeyFetches(); n != 1 {
		t.Errorf("%d fetches of keys", n)
	}
	began := time.Now()
	rig.Until(t, rig.Patience, "the second of the sign-in is over", func() bool { return time.Since(began) > time.Second })
	s.mustTake(tr, tr.Token(disabled, nil, nil, body(m{"subject": user, "event_timestamp": time.Now().UnixMilli()})))
	s.mustBeDead(c, "alice, by a subject in the event and a time in milliseconds")
}

// While the store or the keys cannot be had an event is not acknowledged, and the next attempt is carried out.
func TestSignalDuringOutage(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	tr.Down.Store(true)
	s := newSite(t, config{app: signals(tr, "")})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	began := time.Now()
	rig.Until(t, rig.Patience, "the second of the sign-in is over", func() bool { return time.Since(began) > time.Second })
	token := tr.Token(transmitter.RISC+"account-disabled", transmitter.User(s.idp.Issuer, "alice"), nil, nil)
	if a := tr.Push(s.stream(), token); a.Status != http.StatusServiceUnavailable || !s.alive(c) {
		t.Errorf("without keys: %d", a.Status)
	}
	tr.Down.Store(false)
	rig.Until(t, rig.Patience, "the event is taken", func() bool { return tr.Push(s.stream(), token).Status == http.StatusAccepted })
	s.mustBeDead(c, "alice")
}

// The provider changes the groups of a user and says that claims have changed: the next request of each session, at whichever
// replica, has the new ones. What the event says the groups are is only a hint.
func TestSignalClaimsChange(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	a, b := replicas(t, config{app: signals(tr, "")})
	first, second, adam := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
	a.entered(first, "/", "alice", "Yes")
	a.entered(second, "/", "alice", "Yes")
	a.entered(adam, "/", "adam", "Yes")
	a.idp.SetUser("alice", rig.Claims{"preferred_username": "alice", "groups": []string{"pilots"}})
	a.idp.SetUser("adam", rig.Claims{"preferred_username": "adam", "groups": []string{"pilots"}})
	groups := func(s *site, c *rig.HTTP) string {
		if !s.alive(c) {
			t.Fatal("the session is over")
		}
		return s.app.Last(t).Header.Get("Remote-Groups")
	}
	for _, s := range []*site{a, b} {
		if got := groups(s, first); got != "staff" {
			t.Fatalf("groups %q before the event", got)
		}
	}
	a.mustTake(tr, tr.Token(transmitter.CAEP+"token-claims-change", transmitter.User(a.idp.Issuer, "alice"), nil, transmitter.Map{
		"events": transmitter.Map{transmitter.CAEP + "token-claims-change": transmitter.Map{"claims": transmitter.Map{"groups": []string{"admins"}}}},
	}))
	if got := groups(a, first); got != "pilots" {
		t.Errorf("the next request has the groups %q", got)
	}
	rig.Within(t, time.Second, "the other replica has the new groups", func() bool { return groups(b, second) == "pilots" })
	if got := groups(a, adam); got != "staff,admins" {
		t.Errorf("another user has the groups %q", got)
	}
}

// Global Token Revocation, as Okta's Universal Logout sends it: all sessions of the user end on both replicas, with their
// WebSockets, and so does the sign-in in progress. Those of others go on. A new sign-in is possible.
func TestGlobalTokenRevocation(t *testing.T) {
	t.Parallel()
	tr, stranger, users := transmitter.New(t), transmitter.New(t), people()
	stranger.Imitate(tr)
	users["alice"]["email_verified"] = true
	a, b := replicas(t, config{app: signals(tr, "revoke"), users: users})
	alice, again, adam, begun := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
	a.entered(alice, "/", "alice", "Yes")
	a.entered(again, "/", "alice", "No")
	a.entered(adam, "/", "adam", "Yes")
	prompt := a.enter(begun, "/", "alice", "")
	cut := b.openSocket(alice)
	endpoint, user := b.url("/.latchkey/revoke"), transmitter.Mail("alice@example.com")
	for what, row := range map[string]struct {
		credential string
		subject    any
		status     int
	}{
		"no assertion":             {"secret", user, 401},
		"an event":                 {tr.Token(transmitter.RISC+"account-disabled", user, nil, nil), user, 401},
		"a stranger's":             {stranger.Assertion("gw", transmitter.Map{"iss": tr.Issuer}), user, 401},
		"for another gateway":      {tr.Assertion("gw", transmitter.Map{"aud": "https://other.example.com"}), user, 401},
		"of another client":        {tr.Assertion("payroll", nil), user, 401},
		"another provider's user":  {tr.Assertion("gw", nil), transmitter.User("https://other.example.com", "alice"), 403},
		"an address, not verified": {tr.Assertion("gw", nil), transmitter.Mail("adam@example.com"), 404},
		"a tenant":                 {tr.Assertion("gw", nil), transmitter.Map{"format": "complex", "tenant": transmitter.Map{"format": "opaque", "id": "t"}}, 422},
		"no subject":               {tr.Assertion("gw", nil), nil, 400},
	} {
		if status := tr.Revoke(endpoint, row.credential, row.subject); status != row.status {
			t.Errorf("%s: %d, want %d", what, status, row.status)
		}
	}
	if !a.alive(alice) || !b.alive(again) || !a.alive(adam) {
		t.Fatal("something of it ended a session")
	}
	proof := tr.Assertion("gw", nil)
	if status := tr.Revoke(endpoint, proof, user); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	ended := time.Now()
	select {
	case at := <-cut:
		if late := at.Sub(ended); late > time.Second {
			t.Errorf("the WebSocket was cut after %s", late)
		}
	case <-time.After(rig.Patience):
		t.Error("the WebSocket was never cut")
	}
	for _, s := range []*site{a, b} {
		s.mustBeDead(alice, "alice")
		s.mustBeDead(again, "alice in another browser")
		if !s.alive(adam) {
			t.Error("another user was signed out")
		}
	}
	if r := begun.Press(prompt, "Yes"); r.StatusCode != http.StatusForbidden {
		t.Errorf("the answer to the prompt: %d\n%s", r.StatusCode, r.Text)
	}
	for what, c := range map[string]*rig.HTTP{"the same browser": alice, "another": rig.NewHTTP(t)} {
		if r := c.Follow(c.Get(a.url("/")), nil); isApp(r) {
			t.Errorf("%s: in the app without a sign-in", what)
		}
	}
	fresh := rig.NewHTTP(t)
	a.entered(fresh, "/", "alice", "Yes")
	for what, s := range map[string]*site{"where it was sent": b, "at the other replica": a} {
		if status := tr.Revoke(s.url("/.latchkey/revoke"), proof, user); status != http.StatusNoContent || !a.alive(fresh) {
			t.Errorf("the same request again, %s: %d", what, status)
		}
	}
	if status := tr.Revoke(endpoint, proof, transmitter.User(a.idp.Issuer, "adam")); status != http.StatusUnauthorized || !a.alive(adam) {
		t.Errorf("another request with the same assertion: %d", status)
	}
	entries := append(a.gw.SignIns(50173), b.gw.SignIns(50173)...)
	told := 0
	for _, e := range entries {
		if by, _ := e["initiatedBy"].(map[string]any); by != nil && by["activityDisplayName"] == "global-token-revocation" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d entries about it: %v", told, entries)
	}
}

// A site that takes access tokens of the issuer takes its orders to revoke as well: their assertion is no access token.
func TestRevocationAtASiteForPrograms(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	s := newSite(t, config{app: signals(tr, "revoke"), site: "\nbearer {\nissuer " + tr.Issuer + "\naudience " + apiResource + "\n}"})
	alice := rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	if status := tr.Revoke(s.url("/.latchkey/revoke"), tr.Assertion("gw", nil), transmitter.User(s.idp.Issuer, "alice")); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	s.mustBeDead(alice, "alice")
}
