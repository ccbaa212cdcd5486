package pages_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
)

// Field trial 5.5: a page that any page may frame has nothing to press but one link, which leaves the frame; no footer, no
// form, no details.
func TestFramedHoldsOneLink(t *testing.T) {
	p := newPages(t)
	seen := 0
	for _, s := range pagestest.Gallery() {
		framed, ok := s.Page.(pages.Framed)
		if !ok {
			continue
		}
		seen++
		body, links := get(t, p, s.Page, "").Body.String(), 0
		for _, token := range tokens(t, body) {
			if token.Type != html.StartTagToken {
				continue
			}
			switch token.Data {
			case "form", "button", "input", "footer", "dl", "script":
				t.Errorf("%s: element %s", s.Name, token.Data)
			case "a":
				links++
				target, _ := attr(token, "target")
				rel, _ := attr(token, "rel")
				if want := map[bool]string{false: "_top", true: "_blank"}[framed.NewTab]; target != want || framed.NewTab != (rel == "noopener") {
					t.Errorf("%s: target %q, rel %q", s.Name, target, rel)
				}
			}
		}
		if want := map[bool]int{true: 1}[framed.URL != ""]; links != want {
			t.Errorf("%s: %d links, want %d", s.Name, links, want)
		}
	}
	if seen < 5 {
		t.Errorf("%d pages for frames in the gallery", seen)
	}
	for _, tt := range []struct {
		page pages.Framed
		want []string
	}{
		{pages.Framed{URL: "/x"}, []string{"<h1>Sign in</h1>", "You are not signed in, so", ">Sign in</a>"}},
		{pages.Framed{URL: "/x", AppName: "wiki"}, []string{"<h1>Sign in to <bdi>wiki</bdi></h1>"}},
		{pages.Framed{Why: pages.FrameStronger, URL: "/x"}, []string{"<h1>Confirm that it is you</h1>", ">Confirm</a>"}},
		{pages.Framed{Why: pages.FrameElsewhere, URL: "/x", NewTab: true}, []string{"Inside a page of another site", ">Open in a new tab</a>"}},
		{pages.Framed{Instead: pages.Blocked{Title: pages.BlockNetwork}, URL: "/x", NewTab: true}, []string{"<h1>Not from this network</h1>", ">Open in a new tab</a>"}},
		{pages.Framed{Instead: pages.Blocked{Title: pages.BlockBinding, Binding: pages.BindingAgain}, URL: "/x", NewTab: true}, []string{"<h1>Your sign-in is not protected by this device</h1>", "sign in again: it sets up the key right after a sign-in."}},
		{pages.Framed{Instead: pages.Problem{Kind: pages.KindFormKept}, URL: "/x"}, []string{"<h1>Sign in, then send it</h1>", ">Sign in</a>"}},
		{pages.Framed{URL: "javascript:alert(1)"}, []string{`href="#ZgotmplZ"`}},
	} {
		body := get(t, p, tt.page, "").Body.String()
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%+v: no %q in\n%s", tt.page, want, body)
			}
		}
	}
}
