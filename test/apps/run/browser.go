package main

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// inChromium signs users in and out in a real browser, two where the app knows them, and looks at what the app's page shows.
func inChromium(s *site) (string, error) {
	a, ok := s.a.(shown)
	if !ok {
		return "", tryout.Absent("it has no page to look at")
	}
	b := rig.NewBrowser(s.t, rig.BrowserOptions{})
	defer b.Close()
	users := []string{"ada"}
	if _, ok := s.a.(knower); ok {
		users = append(users, "bob")
	}
	for _, user := range users {
		b.Goto(s.url(s.a.path()))
		b.Click(user)
		if b.Has("Yes") { // a browser that several users share is not asked
			b.Click("Yes")
		}
		b.Goto(s.url(s.a.path())) // an app that begins a session of its own may have led to another page
		want := a.shows(user)
		if !rig.Holds(rig.Patience/2, func() bool { return strings.Contains(b.Text()+b.Content(), want) }) {
			text := b.Text()
			s.t.Fatalf("the page at %s does not show %q: %s", b.URL(), want, text[:min(len(text), 300)])
		}
		b.Goto(s.url("/.latchkey/sign-out"))
		b.Click("Sign out")
		if b.Has("Yes, sign out of the provider") {
			b.Click("Yes, sign out of the provider")
		}
	}
	return "", nil
}
