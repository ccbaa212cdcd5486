package main

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// provider is a third-party program at which users sign in. Its methods fail the check by t.
type provider interface {
	name() string
	version() string
	// install brings the program into the cache folder, unless it is there.
	install(cache string) error
	// prepare writes the configuration for a registration, once, before the first start.
	prepare(t testing.TB, r registration)
	start(t testing.TB)
	stop(t testing.TB)
	// lines are more lines of the gateway's provider block, that of the issuer first.
	lines() string
	// answer fills in a page of the provider for a person and returns what comes back; the caller follows redirects.
	answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply
	// lacks says, by check, what the provider has not. The check is tried all the same, and fails unless the gateway
	// answers as it should where there is no such thing. "memory" stands for a provider that a restart makes forget all.
	lacks() map[string]string
}

// What only some providers can do.
type (
	grouper interface {
		setGroups(t testing.TB, who person, groups ...string)
	}
	disabler interface {
		disable(t testing.TB, who person)
	}
	rotator interface{ rotate(t testing.TB) }
	// leaver ends a browser's session at the provider, from the provider's side.
	leaver interface {
		leave(t testing.TB, c *rig.HTTP)
	}
)

// person is an account.
type person struct {
	login, password, mail string
	groups                []string
}

// people have accounts everywhere. A check that changes an account has one of its own.
var (
	ada = person{login: "ada", password: "ada-password-1", mail: "ada@example.com", groups: []string{"staff"}}
	bob = person{login: "bob", password: "bob-password-1", mail: "bob@example.com", groups: []string{"staff"}}
	cyd = person{login: "cyd", password: "cyd-password-1", mail: "cyd@example.com", groups: []string{"staff"}}
)

func people() []person { return []person{ada, bob, cyd} }

// registration is the gateway as its provider knows it.
type registration struct {
	dir          string // for the provider's files
	issuerOrigin string // where the provider is reached, through the tap
	port         int    // where it listens
	clientID     string
	secret       string
	origin       string // the site
}

func (r registration) callback() string    { return r.origin + "/.latchkey/callback" }
func (r registration) signedOut() string   { return r.origin + "/.latchkey/signed-out" }
func (r registration) backChannel() string { return r.origin + "/.latchkey/logout/backchannel" }

func providers() []provider {
	return []provider{&oidcProvider{}, &zitadel{}, &dex{}, &hydra{}, &glewlwyd{}, &lemonldap{}}
}
