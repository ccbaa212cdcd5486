package remembered

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A browser keeps the answers of maxRemembered users, each for as long as it holds. The oldest answer makes room.
func TestAnswersAreBounded(t *testing.T) {
	clock := storetest.NewClock()
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	keeper := &Keeper{access.NewEnvironment(access.Config{
		Store: storetest.NewMemory(clock.Now), Keys: ring, Now: clock.Now, Prompt: access.PromptConfig{RememberAnswer: time.Hour},
	})}
	v := &access.Visit{Host: "wiki.example.com", Secure: true}
	user := func(i int) session.Identity {
		return session.Identity{Issuer: "https://login.example.com", Subject: strconv.Itoa(i)}
	}
	takes := func(change func(http.ResponseWriter)) {
		t.Helper()
		w := httptest.NewRecorder()
		change(w)
		if len(w.Result().Cookies()) != 1 {
			t.Fatalf("%v", w.Header())
		}
		c := w.Result().Cookies()[0]
		v.Cookies = browser.ReadCookies([]string{c.Name + "=" + c.Value}, true)
	}
	for i := range maxRemembered + 1 {
		takes(func(w http.ResponseWriter) { keeper.Keep(w, v, user(i), session.Persistent) })
	}
	for i := range maxRemembered + 1 {
		if got := keeper.Answer(v, user(i)); (got != nil) != (i > 0) {
			t.Errorf("user %d: %v", i, got)
		}
	}
	takes(func(w http.ResponseWriter) { keeper.Forget(w, v, user(2)) })
	if keeper.Answer(v, user(2)) != nil || keeper.Answer(v, user(3)) == nil {
		t.Error("to forget one answer takes another one, or none")
	}
	clock.Advance(time.Hour)
	if keeper.Answer(v, user(3)) != nil {
		t.Error("an answer holds for longer than it was kept for")
	}
}
