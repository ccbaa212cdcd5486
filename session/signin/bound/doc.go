// Package bound binds sessions to devices: Device Bound Session Credentials (w3c/webappsec-dbsc), as Chromium has them.
//
// The answer that ends a sign-in offers the binding (offer.go). A browser that can do it makes a key that does not leave
// the device, and registers it (register.go). The session cookie is then sent again, in another form, with a short cookie
// beside it. Before the short cookie ends, the browser proves that it has the key and gets a new one (refresh.go). What a
// proof answers is a sealed challenge (challenge.go), which any replica can check. instructions.go is what the browser is
// told about the session, wellknown.go says who may bind sessions for all hosts of a site, attempts.go counts refusals and
// remembers which challenges were used.
//
// An offer binds the device of the browser that gets it. It is therefore made only where the provider has just proven who
// uses the browser, and never to a browser that merely has a session cookie.
//
// Package access checks both cookies at each request. What a request without the short cookie is answered is decided in
// package signin. Package proof, below this one, reads what the browser has signed.
package bound
