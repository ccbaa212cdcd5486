package session_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// One sign-in, from the validated answer of the provider to the sign-out.
func Example() {
	ctx := context.Background()
	keys, err := keyring.New([]byte("32 bytes or more of a random key"))
	if err != nil {
		panic(err)
	}
	manager := session.NewManager(session.ManagerConfig{
		Store: storetest.NewMemory(nil), // outside a test: filestore or redisstore
		Keys:  keys,
	})
	defer manager.Close()

	// A user has signed in and answered Yes. The browser gets a sealed token, bound to the host and the cookie's name.
	created, token, err := manager.Create(ctx, session.Record{
		Identity:   session.Identity{Issuer: "https://login.example.com", Subject: "248289761001"},
		Name:       "Ada Lovelace",
		Kind:       session.Persistent,
		KindReason: "answered yes",
	}, session.Tokens{Refresh: "from the provider"})
	if err != nil {
		panic(err)
	}
	cookie := session.SealToken(keys, token, "wiki.example.com", "__Host-latchkey")
	fmt.Println("ends at the latest after", created.MaxEnd(manager.Limits()).Sub(created.Created).Hours()/24, "days")

	// A request comes with the cookie.
	token, err = session.OpenToken(keys, cookie, "wiki.example.com", "__Host-latchkey")
	if err != nil {
		panic(err) // not ours: as if there were no cookie
	}
	s, err := manager.LoadRecord(ctx, token)
	if err != nil {
		panic(err)
	}
	manager.Touch(s.Session(), "wiki")
	fmt.Println(s.Name, "has a", s.Kind, "session")

	// Sign-out. A copy of the cookie is worth nothing from here on.
	if err := manager.End(ctx, s); err != nil {
		panic(err) // it may still live: say so
	}
	_, err = manager.LoadRecord(ctx, token)
	switch {
	case errors.Is(err, session.ErrNotFound), errors.Is(err, session.ErrExpired):
		fmt.Println("signed out")
	case err != nil:
		fmt.Println("cannot tell")
	}
	// Output:
	// ends at the latest after 180 days
	// Ada Lovelace has a persistent session
	// signed out
}
