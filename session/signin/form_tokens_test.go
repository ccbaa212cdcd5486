package signin

import (
	"encoding/base64"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/account"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Issue 9, point 2 (A23): the token of a form is good for no other form, host or secret, and is no sealed value.
func TestFormTokensNeverPassAsOneAnother(t *testing.T) {
	g := newGateway(t)
	kinds := sealedKinds(t)
	type place struct{ action, host, secret string }
	var all []place
	for _, action := range []string{actionSignOut, actionForm, actionStay, account.FormAction, access.OwnerPlace, "", "x"} {
		for _, host := range []string{"a.example.com", "b.example.com", ""} {
			for _, secret := range []string{"s1", "s2", ""} {
				all = append(all, place{action, host, secret})
			}
		}
	}
	for _, made := range all {
		token := browser.FormToken(g.service.Keys, made.host, made.action, made.secret)
		mac, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		for _, taken := range all {
			if got := g.service.Keys.Verify(mac, taken.action, taken.host, taken.secret); got != (made == taken) {
				t.Errorf("the token of %+v at %+v: %v", made, taken, got)
			}
		}
		for _, kind := range kinds {
			if kind.open(t, 0, mac) {
				t.Errorf("the token of a form opens as %s", kind.name)
			}
		}
	}
}
