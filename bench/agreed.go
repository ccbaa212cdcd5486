package main

// What the sessions of a run and the gateways that serve them agree on.
const (
	providerName = "bench"
	appName      = "bench"
	secretKey    = "a-key-for-this-run-only-of-32-bytes-or-more"
	cookieName   = "latchkey"
)
