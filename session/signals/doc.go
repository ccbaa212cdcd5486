// Package signals decides what a provider's events mean: an account was disabled, a session revoked, a password changed,
// a device is no longer compliant (Shared Signals Framework 1.0, CAEP 1.0, RISC 1.0).
//
// It verifies that an event is from a transmitter that the configuration names, and for us, reads which user and which
// session it names, decides what follows, and carries that out. A back-channel logout of OpenID Connect is carried out
// by the same code. Nothing that an event says signs a user in, or gives anybody more than before.
//
// The package serves no HTTP: how an event arrives, and what its sender is answered, is decided elsewhere. It does not
// decide what a policy says of a risk or a device.
//
// The files:
//
//   - token.go says which token is genuine and for us, refused.go how it is refused; event.go and subject.go read what
//     happened, and to whom;
//   - target.go finds whom a subject names at a provider, effect.go decides what follows, actor.go carries it out and
//     logs it, tokens.go ends the tokens of the users, why.go is what users are told, preview.go what a report would do;
//   - receiver.go receives the events of a stream, revocation.go orders to end all sessions of a user.
package signals
