package signin

import (
	"sync"
	"sync/atomic"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

// The parts of a Service. Each has one reason and embeds those that it uses, so that none can reach one that stands below
// it here.
type (
	// flows seals and opens what carries a sign-in under way, and logs about it.
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

	// forms keeps a form through a sign-in.
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
	}

	// finisher takes what comes back, from a provider, from the prompt or from the sign-in host, up to the session.
	finisher struct {
		*access.Environment
		*access.Recorder
		*access.Responder
		*access.Authenticator
		renewer *renew.Renewer
		*flows
		*prompts
		*starter
		// crowded is when the log last said that too many sign-ins wait, in nanoseconds since 1970.
		crowded atomic.Int64
	}

	// signInEndpoint is /sign-in: of a site, and of the sign-in host for a site.
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

	// signOutEndpoints end sessions: at the user's word and at the provider's.
	signOutEndpoints struct {
		*access.Environment
		*access.Recorder
		*access.Responder
		*access.Authenticator
		*flows
		*prompts
		// saidNothing is when the log last told that a front-channel logout ended nothing: provider and reason ->
		// *retry.Seldom.
		saidNothing sync.Map
	}

	// scripts answers scripts in the pages of apps.
	scripts struct {
		*access.Environment
		*access.Responder
		*access.Authenticator
	}
)
