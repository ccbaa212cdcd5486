// Package leave makes the address at which a provider signs a person out (OpenID Connect RP-Initiated Logout 1.0), or one
// that the configuration spells out for a provider that has its own way.
//
// It keeps the address short enough for every server and proxy on the way, and leaves out what does not fit. It asks
// nobody, and does not know whether the provider takes what it gets.
package leave
