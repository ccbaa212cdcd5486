// Package access is what happens at each request of a signed-in user: whose session the request presents, whether a site
// takes it, whether it has ended, and how its cookie is set and cleared. It also holds what the whole sign-in works with:
// the configuration, a site, a visit, the sign-in log and the answers that are no page of an app.
//
//   - config.go, site.go and idle.go are what a caller says; environment.go is what follows from it;
//   - authenticate.go finds the session of a request, expiry.go ends it when its time is over, tighten.go makes a persistent
//     session one that ends with the browser;
//   - session_cookie.go creates a session, hands out its cookie and clears it;
//   - recorder.go writes log entries and tells events, responder.go answers with a page or with its twin for scripts.
//
// It never sends a browser to a provider, asks a provider for claims or makes a decision of a policy: package signin, package
// renew and the Gate do. It imports none of the packages of the flow, which stand above it.
package access
