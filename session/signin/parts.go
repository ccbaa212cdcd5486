package signin

import (
	"sync"
	"sync/atomic"

	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

// The parts of a Service. Each has one purpose and embeds the parts that it uses, so that it cannot use one that comes
// later in this list.
type (
	// limits bounds what clients can cause that have proven nothing.
	limits struct {
		*access.Environment
		*access.Recorder
		*access.Responder
		requests *ratelimit.Requests
		pushes   ratelimit.Flights
		// flooded is when it was last logged that a client is limited, in nanoseconds since 1970.
		flooded atomic.Int64
	}

	// flows seals and opens the state of sign-ins in progress, and logs about it.
	flows struct {
		*access.Environment
		*access.Recorder
	}

	// prompts keeps sign-ins that wait for an answer to "Stay signed in?".
	prompts struct {
		*access.Environment
		*access.Recorder
		remembered *remembered.Keeper
	}

	// forms keeps a form during a sign-in.
	forms struct {
		*access.Environment
		*access.Responder
		*access.Authenticator
	}

	// starter sends a browser to a provider or to the sign-in host.
	starter struct {
		*access.Environment
		*access.Responder
		*access.Authenticator
		renewer *renew.Renewer
		*flows
		*prompts
		*forms
		limits *limits
	}

	// finisher handles what comes back from a provider, the prompt or the sign-in host, until the session exists.
	finisher struct {
		*access.Environment
		*access.Recorder
		*access.Responder
		*access.Authenticator
		renewer *renew.Renewer
		binder  *bound.Binder
		*flows
		*prompts
		*starter
		// crowded is when it was last logged that too many sign-ins wait, in nanoseconds since 1970.
		crowded atomic.Int64
	}

	// signInEndpoint is /sign-in: for a site, and at the sign-in host on behalf of a site.
	signInEndpoint struct {
		*access.Environment
		*access.Recorder
		*access.Responder
		*access.Authenticator
		*flows
		*prompts
		*starter
		*finisher
	}

	// signOutEndpoints end sessions, for the user and for the provider.
	signOutEndpoints struct {
		*access.Environment
		*access.Recorder
		*access.Responder
		*access.Authenticator
		*flows
		*prompts
		actor *signals.Actor
		// saidNothing limits log messages about front-channel logouts that ended nothing: provider and reason ->
		// *retry.Seldom.
		saidNothing sync.Map
	}

	// scripts answers scripts in pages of apps.
	scripts struct {
		*access.Environment
		*access.Responder
		*access.Authenticator
	}
)
