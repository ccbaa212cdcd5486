package access

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// The address of a sign-in as another user returns to the page, and to none of our own endpoints (A33).
func TestSwitchURL(t *testing.T) {
	if got := switchURL("/a?b=c", ""); got != browser.Base+"/sign-in?other=1&return=%2Fa%3Fb%3Dc" {
		t.Error(got)
	}
	if got := switchURL(browser.Base+"/callback?code=x", ""); got != browser.Base+"/sign-in?other=1&return=%2F" {
		t.Errorf("A33: %s", got)
	}
}
