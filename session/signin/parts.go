package signin

import (
	"sync"
	"sync/atomic"
)

// The parts of a Service. Each has one reason and embeds those that it uses, so that none can reach one that stands below
// it here.
type (
	// recorder writes the sign-in log and tells events.
	recorder struct{ *environment }

	// responder answers with a page or its twin for scripts: errors, refusals, and the page that leads on.
	responder struct{ *environment }

	// authenticator finds out who is signed in, hands out sessions and ends them.
	authenticator struct {
		*environment
		*recorder
	}

	// flows seals and opens what carries a sign-in under way, and logs about it.
	flows struct {
		*environment
		*recorder
	}

	// prompts keeps sign-ins that wait for an answer to "Stay signed in?", and what a browser remembers of answers and
	// users.
	prompts struct {
		*environment
		*recorder
	}

	// forms keeps a form through a sign-in.
	forms struct {
		*environment
		*responder
		*authenticator
	}

	// starter sends a browser to a provider or to the sign-in host.
	starter struct {
		*environment
		*responder
		*authenticator
		*renewer
		*flows
		*prompts
		*forms
	}

	// finisher takes what comes back, from a provider, from the prompt or from the sign-in host, up to the session.
	finisher struct {
		*environment
		*recorder
		*responder
		*authenticator
		*renewer
		*flows
		*prompts
		*starter
		// crowded is when the log last said that too many sign-ins wait, in nanoseconds since 1970.
		crowded atomic.Int64
	}

	// signInEndpoint is /sign-in: of a site, and of the sign-in host for a site.
	signInEndpoint struct {
		*environment
		*recorder
		*responder
		*authenticator
		*flows
		*prompts
		*starter
		*finisher
	}

	// signOutEndpoints end sessions: at the user's word and at the provider's.
	signOutEndpoints struct {
		*environment
		*recorder
		*responder
		*authenticator
		*flows
		*prompts
		// saidNothing is when the log last told that a front-channel logout ended nothing: provider and reason ->
		// *retry.Seldom.
		saidNothing sync.Map
	}

	// account is the page of the user who is signed in.
	account struct {
		*environment
		*recorder
		*responder
		*authenticator
		*renewer
		*prompts
		*starter
		*signOutEndpoints
	}

	// scripts answers scripts in the pages of apps.
	scripts struct {
		*environment
		*responder
		*authenticator
	}
)
