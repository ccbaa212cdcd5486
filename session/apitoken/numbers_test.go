package apitoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// A token takes at most 400 bytes of Redis, with its listing; what is known of a user with ten groups and an address takes half as
// much again, once for all tokens of that user. With so few users each is alone in its list.
func TestTokenIsSmall(t *testing.T) {
	// Redis may be about to move its table of keys into a larger one, which is 64 KB, or 80 bytes a user here.
	const users, each, most, mostKnown = 800, 4, 400, 650 + 80
	server := redistest.Start(t)
	store, err := redisstore.Open(redisstore.Config{URL: server.URL(0)})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	m := session.NewManager(session.ManagerConfig{Store: store, Keys: ring})
	t.Cleanup(m.Close)
	k := apitoken.New(apitoken.Config{Vault: session.Vault{Store: store, Keys: ring}, Sessions: m, Now: time.Now})
	create := func(user, n int) {
		who := &session.Record{
			Kind: session.Browser, Provider: "main", Identity: session.Identity{Issuer: "https://login.example.com/tenant/v2.0", Subject: fmt.Sprintf("%032x", user)},
			User: fmt.Sprintf("person-%d@example.com", user), Email: fmt.Sprintf("person-%d@example.com", user), Name: "A Person",
			KnownAs: []string{session.KnownAsMail(fmt.Sprintf("person-%d@example.com", user))}, GroupsAsOf: time.Now(), GroupsComplete: true, AuthTime: time.Now(), Created: time.Now(),
		}
		for g := range 10 {
			who.Groups = append(who.Groups, fmt.Sprintf("department-%02d-team-%02d", (user+g)%40, g))
		}
		if _, _, err := k.Create(t.Context(), who, apitoken.Draft{Name: fmt.Sprintf("laptop %d", n), App: "git.example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	create(users, 0)
	empty := used(t, server)
	for i := range users {
		create(i, 0)
	}
	first := used(t, server)
	for i := range users * (each - 1) {
		create(i%users, 1+i/users)
	}
	size := (used(t, server) - first) / (users * (each - 1))
	known := (first-empty)/users - size
	t.Logf("%d bytes for a token, %d for what is known of a user", size, known)
	if size > most || known > mostKnown {
		t.Errorf("at most %d and %d bytes", most, mostKnown)
	}
}

func used(t *testing.T, server *redistest.Server) (n int) {
	t.Helper()
	for line := range strings.Lines(server.Do("info", "memory").(string)) {
		if _, err := fmt.Sscanf(line, "used_memory:%d", &n); err == nil {
			return n
		}
	}
	t.Fatal("no used_memory")
	return 0
}
