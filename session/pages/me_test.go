package pages_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// An address reads from the left on every page; the name of a network as its letters say.
func TestPlaces(t *testing.T) {
	p := newPages(t)
	for place, want := range map[pages.Place]string{
		"::1":          `<bdi dir="ltr">::1</bdi>`,
		"192.0.2.7":    `<bdi dir="ltr">192.0.2.7</bdi>`,
		"2001:db8::1":  `<bdi dir="ltr">2001:db8::1</bdi>`,
		"head office":  `<bdi>head office</bdi>`,
		"المكتب":       `<bdi>المكتب</bdi>`,
		"10.0.0.0.0.1": `<bdi>10.0.0.0.0.1</bdi>`,
	} {
		page := pages.Me{
			Sessions: []pages.MySession{{ID: "a", Place: place}}, SignInsKept: true, SignIns: []pages.MySignIn{{Outcome: pages.OutcomeSignedIn, Place: place}},
		}
		if body := get(t, p, page, "ar").Body.String(); strings.Count(body, want) != 2 {
			t.Errorf("%s: not twice %s in\n%s", place, want, body)
		}
	}
}

// fields returns what a browser would send of a form as it is, and what its lists offer.
func fields(t *testing.T, body string) (sent map[string]string, choices map[string][]string) {
	t.Helper()
	sent, choices = map[string]string{}, map[string][]string{}
	list := ""
	all := tokens(t, body)
	for i, token := range all {
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		name, _ := attr(token, "name")
		value, _ := attr(token, "value")
		switch token.Data {
		case "input":
			sent[name] = value
		case "select":
			list = name
		case "option":
			if value == "" {
				value = strings.TrimSpace(all[i+1].Data)
			}
			choices[list] = append(choices[list], value)
			if _, ok := attr(token, "selected"); ok {
				sent[list] = value
			}
		}
	}
	return sent, choices
}

// The form for a new token: 90 days unless the user says otherwise, a list of apps only where there are several, and what
// was typed stays where something was wrong with it.
func TestMakeToken(t *testing.T) {
	p := newPages(t)
	sent, choices := fields(t, get(t, p, pages.MakeToken{CSRF: "c", Once: "o", Apps: []string{"code"}}, "").Body.String())
	if want := map[string]string{"csrf": "c", "once": "o", "name": "", "app": "code", "expires": "90d"}; !maps.Equal(sent, want) {
		t.Errorf("one app: %v, want %v", sent, want)
	}
	if want := []string{"7d", "30d", "90d", "180d", "365d"}; !slices.Equal(choices["expires"], want) || len(choices["app"]) != 0 {
		t.Errorf("to choose from: %v", choices)
	}
	body := get(t, p, pages.MakeToken{Name: `my "laptop"`, App: "files", Days: 30, Apps: []string{"code", "files"}, Fault: pages.TokenName}, "").Body.String()
	sent, choices = fields(t, body)
	if sent["name"] != `my "laptop"` || sent["app"] != "files" || sent["expires"] != "30d" || !slices.Equal(choices["app"], []string{"code", "files"}) {
		t.Errorf("several apps: %v, %v", sent, choices)
	}
	if !strings.Contains(body, "The name is missing") || !strings.Contains(body, `role="alert"`) {
		t.Errorf("it does not say what is wrong:\n%s", body)
	}
	if sent, _ := fields(t, get(t, p, pages.MakeToken{Days: 4000, Apps: []string{"code"}}, "").Body.String()); sent["expires"] != "90d" {
		t.Errorf("a life that is not offered: %v", sent)
	}
}

// A token is on one page, once, and that page is stored nowhere.
func TestMadeToken(t *testing.T) {
	const text = "lk_mzxw6ytboi2tkmrrgezdgnbvgy3tqojqmjqxgzlsmfw6"
	w := get(t, newPages(t), pages.MadeToken{Name: "laptop", App: "code", Text: text}, "")
	if body := w.Body.String(); strings.Count(body, text) != 1 || !strings.Contains(body, ">"+text+"</textarea>") || !strings.Contains(body, "not shown again") {
		t.Errorf("%s", body)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
}

// Where there are no tokens the page and the sign-out page do not speak of them.
func TestWithoutTokens(t *testing.T) {
	p := newPages(t)
	for name, page := range map[string]pages.Page{"me": sample(t, "me"), "sign-out": pages.SignOut{Everywhere: true}} {
		if body := get(t, p, page, "").Body.String(); strings.Contains(strings.ToLower(body), "token") {
			t.Errorf("%s:\n%s", name, body)
		}
	}
	for name, page := range map[string]pages.Page{"me": pages.Me{HeldTokens: 1}, "sign-out": pages.SignOut{Everywhere: true, HeldTokens: 1}} {
		body := get(t, p, page, "").Body.String()
		if !strings.Contains(body, "Also revoke my 1 token for programs") || strings.Contains(body, "new=token") {
			t.Errorf("%s:\n%s", name, body)
		}
	}
	body := get(t, p, sample(t, "me-tokens"), "").Body.String()
	for _, want := range []string{
		`name="token" value="q7LmZ0aXwB"`, "git on the laptop", "Not yet", `href="/.latchkey/me?new=token"`, "Also revoke my 3 tokens for programs",
		`<bdi dir="ltr">2001:db8:85a3::8a2e:370:7334</bdi>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page:\n%s", want, body)
		}
	}
}
