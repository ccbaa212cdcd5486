package remembered

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A user is not listed only where the ID of the browser names that user.
func TestFirstUserIsNotListed(t *testing.T) {
	clock := storetest.NewClock()
	keeper := &Keeper{access.NewEnvironment(access.Config{
		Store: storetest.NewMemory(clock.Now), Keys: keyringtest.Ring(t, 'k'), Now: clock.Now, Prompt: access.PromptConfig{SharedUsers: 2, SharedWindow: time.Hour},
	})}
	who := &session.Record{Identity: session.Identity{Issuer: "https://login.example.com", Subject: "ada"}}
	at := " " + "0 "
	for id, listed := range map[string]int{
		"id": 1, "id" + at + string(PersonOf(who)): 0, "id" + at + "u:other": 1, "id !! " + string(PersonOf(who)): 1,
	} {
		shared, used, err := keeper.SharedAtSignIn(httptest.NewRequest("GET", "/", nil), &access.Visit{Host: "wiki.example.com"}, id, who)
		if shared || len(used) != listed || err != nil {
			t.Errorf("%q: shared %v, listed %v, %v", id, shared, used, err)
		}
	}
}
