package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// check tries one thing, as tryout.Outcome takes it; a failure goes through the site's trial.
type check struct {
	name string
	do   func(s *site) (note string, err error)
}

// checks are the rows of the table, in the order of a run.
var checks = []check{
	{"closed without a session", closed},
	{"knows its user", knowsUser},
	{"forged header", forgedHeader},
	{"past the gateway", pastTheGateway},
	{"own session ends with ours", ownSession},
	{"second user in the browser", secondUser},
	{"in Chromium", inChromium},
	{"WebSocket", webSocket},
	{"program with a token", program},
}

// closed asks as a browser, as a script and as a program, all without a session.
func closed(s *site) (string, error) {
	c := rig.NewHTTP(s.t)
	if r := c.Follow(c.Get(s.url(s.a.path())), nil); !r.HasButton(s.t, "ada") {
		s.t.Fatalf("no way to the provider: %d at %s", r.StatusCode, r.At)
	}
	script := http.Header{"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"}}
	for what, header := range map[string]http.Header{"a script": script, "a program": {"User-Agent": {"curl/8.9.1"}, "Accept": {"*/*"}}} {
		if r := rig.NewHTTP(s.t).Do(rig.Call{URL: s.url(s.a.path()), Header: header}); r.StatusCode != http.StatusUnauthorized {
			s.t.Errorf("%s gets %d, want 401", what, r.StatusCode)
		}
	}
	return "", nil
}

func knowsUser(s *site) (string, error) {
	k, ok := s.a.(knower)
	if !ok {
		s.entered("ada")
		return "", tryout.Absent("it knows no users")
	}
	for _, user := range []string{"ada", "bob"} {
		if got := k.user(s.t, s.entered(user), s.origin, nil); got != user {
			s.t.Errorf("%s is %q to the app", user, got)
		}
	}
	return "", nil
}

// forgedHeader sends the header of another user along, in the spellings that servers take for it.
func forgedHeader(s *site) (string, error) {
	k, ok := s.a.(knower)
	if !ok {
		return "", tryout.Absent("it reads none")
	}
	c := s.entered("ada")
	for _, name := range spellings(k.header()) {
		if got := k.user(s.t, c, s.origin, http.Header{name: {"bob"}}); got != "ada" {
			s.t.Errorf("with %s of bob ada is %q", name, got)
		}
		if got := k.user(s.t, rig.NewHTTP(s.t), s.origin, http.Header{name: {"bob"}}); got != "" {
			s.t.Errorf("with %s and no session a client is %q", name, got)
		}
	}
	return "", nil
}

func spellings(header string) []string {
	under := strings.ReplaceAll(header, "-", "_")
	return []string{header, strings.ToLower(header), strings.ToUpper(header), under, strings.ToUpper(under), strings.ReplaceAll(header, "-", ".")}
}

// pastTheGateway tells what the app does with a header that does not come from the gateway. It is no fault of either: the pages
// say that the app must not be reachable.
func pastTheGateway(s *site) (string, error) {
	if h, ok := s.a.(hidden); ok {
		return "", tryout.Absent(h.hiding())
	}
	k, ok := s.a.(knower)
	if !ok {
		if r := rig.NewHTTP(s.t).Get(s.direct + s.a.path()); r.StatusCode >= http.StatusBadRequest {
			s.t.Fatalf("the app answers %d", r.StatusCode)
		}
		return "lets every client in", nil
	}
	switch got := k.user(s.t, rig.NewHTTP(s.t), s.direct, http.Header{k.header(): {"bob"}}); got {
	case "bob":
		return "believes the header", nil
	case "":
		return "does not believe the header", nil
	default:
		return "", fmt.Errorf("bob is %q", got)
	}
}

// own are the cookies of a client at the site that are not the gateway's.
func (s *site) own(c *rig.HTTP) []string {
	names := c.Names(siteHost, "")
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "latchkey") })
	slices.Sort(names)
	return names
}

// ownSession looks at the app's cookies around a sign-out.
func ownSession(s *site) (string, error) {
	c := s.entered("ada")
	if k, ok := s.a.(knower); ok {
		k.user(s.t, c, s.origin, nil)
	}
	before := s.own(c)
	if len(before) == 0 {
		return "", tryout.Absent("it sets no cookie")
	}
	s.leave(c)
	stay := s.own(c)
	if len(stay) == len(before) {
		s.t.Fatalf("%s outlive the sign-out", strings.Join(before, " "))
	}
	if len(stay) > 0 {
		return "stay: " + strings.Join(stay, " "), nil
	}
	return "", nil
}

// secondUser signs in after the first one in the same browser: after a sign-out, and after a session that was ended elsewhere.
func secondUser(s *site) (string, error) {
	k, ok := s.a.(knower)
	if !ok {
		return "", tryout.Absent("it knows no users")
	}
	c := s.entered("ada")
	k.user(s.t, c, s.origin, nil)
	s.leave(c)
	s.enter(c, "bob")
	if got := k.user(s.t, c, s.origin, nil); got != "bob" {
		s.t.Errorf("after a sign-out of ada bob is %q", got)
	}
	if out, err := s.gw.Ask("sessions", "revoke", "--user", "bob"); err != nil {
		s.t.Fatalf("ending the sessions of bob: %s", out)
	}
	s.enter(c, "ada")
	if got := k.user(s.t, c, s.origin, nil); got != "ada" {
		s.t.Errorf("after the end of bob's session ada is %q", got)
	}
	return "", nil
}

// webSocket opens the app's WebSocket with and without a session, and ends the session.
func webSocket(s *site) (string, error) {
	a, ok := s.a.(speaker)
	if !ok {
		return "", tryout.Absent("it has none")
	}
	c := s.entered("ada")
	path, hello, said := a.socket(s.t, c, s.origin)
	if conn, err := s.dial(rig.NewHTTP(s.t), path); err == nil {
		_ = conn.Close()
		s.t.Error("it opens without a session")
	}
	conn, err := s.dial(c, path)
	if err != nil {
		s.t.Fatalf("it does not open: %v", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(rig.Patience))
	if hello != "" {
		if err := websocket.Message.Send(conn, hello); err != nil {
			s.t.Fatalf("sending: %v", err)
		}
	}
	for text := ""; !strings.Contains(text, said); {
		if err := websocket.Message.Receive(conn, &text); err != nil {
			s.t.Fatalf("it does not say %s: %v", said, err)
		}
	}
	s.leave(c)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	began := time.Now()
	for text := ""; err == nil; {
		err = websocket.Message.Receive(conn, &text)
	}
	if time.Since(began) > 5*time.Second {
		s.t.Error("it outlives the session")
	}
	return "ends with the session", nil
}

// dial opens a WebSocket with the cookies of a client, as a page of the site does.
func (s *site) dial(c *rig.HTTP, path string) (*websocket.Conn, error) {
	conf, err := websocket.NewConfig(strings.Replace(s.url(path), "http", "ws", 1), s.origin)
	if err != nil {
		return nil, err
	}
	var cookies []string
	for _, name := range c.Names(siteHost, "") {
		cookies = append(cookies, name+"="+c.Cookie(siteHost, name))
	}
	conf.Header = http.Header{"Cookie": {strings.Join(cookies, "; ")}}
	return websocket.DialConfig(conf)
}

// program lets a program use the app with a token, and with one that is wrong.
func program(s *site) (string, error) {
	p, ok := s.a.(programmed)
	if !ok {
		return "", tryout.Absent("programs were not tried")
	}
	s.entered("ada")
	token, err := s.gw.Ask("tokens", "create", "--user", "ada", "--app", siteHost, "--name", "trial")
	if err != nil {
		s.t.Fatalf("making a token: %s", token)
	}
	var lines []string
	for line := range strings.Lines(token) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "lk_") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		s.t.Fatal("no token was printed")
	}
	what, err := p.program(s.t, s.origin, lines[0])
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	if _, err := p.program(s.t, s.origin, lines[0][:len(lines[0])-2]+"xx"); err == nil {
		s.t.Errorf("%s works with a wrong token", what)
	}
	return what, nil
}
