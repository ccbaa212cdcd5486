// Package chaos lets everything around a gateway fail while people use it, and counts what must not happen.
//
// Two replicas of the real binary serve an app behind Sentinel Redis and a certified OpenID provider. People sign in
// through the real flow, read pages, keep streams open, sign out and are signed out, while one part after the other is
// killed, stopped, restarted and reloaded. Half of the browsers bind their sessions to a key. A transmitter reports users
// whose account is disabled, and sends each event again until it is acknowledged, while a stranger forges events. Four things must not happen,
// whatever fails: a user is signed out who was not revoked, a request reaches the app that no decision let through, a
// revoked session is alive after the bound, a bound session is served as one that is not (a downgrade).
//
// What a run does is chosen by its seed; how processes interleave is the machine's.
package chaos
