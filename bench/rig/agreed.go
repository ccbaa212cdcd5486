package rig

// What the sessions of a run and the gateways that serve them agree on.
const (
	ProviderName = "bench"
	AppName      = "bench"
	// SecretKey is what `keys` names in the configuration.
	SecretKey  = "a-key-for-this-run-only-of-32-bytes-or-more"
	CookieName = "latchkey"
	// BrowserCookie carries the random ID of a browser.
	BrowserCookie = CookieName + "-browser"
)

// AtOnce is how many connections there are, or how many users sign in at a time, where a machine is busy.
const AtOnce = 32
