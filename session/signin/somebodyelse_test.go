package signin

import (
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// A page that says no offers to sign in as somebody else, which asks the provider for another account: to choose one where
// it says that it can, else to sign in anew. Nobody is signed out by the link alone.
func TestSignInAsSomebodyElse(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	for query, want := range map[string]string{"other=1": "login", "other=0": "", "": ""} {
		r := b.get(browser.Base + "/sign-in?return=%2F&" + query)
		to, err := url.Parse(r.location)
		if err != nil || to.Query().Get("prompt") != want {
			t.Errorf("%s leads to %s", query, r.location)
		}
	}
}

// ui_locales of the link is the language of our pages for the whole sign-in, and the provider is told.
func TestLocalesOfASignIn(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	r := b.get(browser.Base + "/sign-in?return=%2F&ui_locales=tlh+ar-EG+%3Cscript%3E")
	to, err := url.Parse(r.location)
	if err != nil || to.Query().Get("ui_locales") != "tlh ar-EG" {
		t.Fatalf("leads to %s", r.location)
	}
	page := b.get(browser.Base + "/callback?" + url.Values{"state": {to.Query().Get("state")}, "code": {to.Query().Get("nonce")}}.Encode())
	if !stays(page.location) {
		t.Fatalf("%d %s", page.status, page.location)
	}
	if page = b.get(browser.Base + "/stay"); !strings.Contains(page.body, `<html lang="ar" dir="rtl">`) {
		t.Errorf("the prompt is in another language:\n%s", page.body)
	}
	if r := b.get(browser.Base + "/sign-in?return=%2F"); strings.Contains(r.location, "ui_locales") {
		t.Errorf("without being asked: %s", r.location)
	}
}
