package signals

import (
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Provider is the provider whose users a transmitter reports about. Only they can be named: what another provider calls
// by the same address or ID is never found.
type Provider struct {
	// Name is the name in the configuration. Issuer is the issuer of its sessions.
	Name, Issuer string
	// ClientID is what an event names as its application if it is about us.
	ClientID string
	// Also are further issuers under which a transmitter may name a user of this provider: its own.
	Also []string
}

// target are the users and sessions that a subject names at a provider.
type target struct {
	// subjects are the users by their ID, names by an address or number; see session.Record.KnownAs.
	subjects, names []string
	// sessions are the sessions at the provider. If users are named too, each session must be of one of them.
	sessions []string
	// either: the subject is one ID, and may be that of a session or that of a user.
	either bool
	// device is the ID of the device, if only sessions on it are named.
	device []string
}

// targetOf returns whom a subject names. ok is false if it names no user who could have a session here.
func (p *Provider) targetOf(s *Subject, kind Kind) (t target, ok bool) {
	if s.Application != nil && !slices.ContainsFunc(s.Application.each(), func(i Identifier) bool { return i.Value == p.ClientID && i.Value != "" }) {
		return t, false // it is about a session at another application
	}
	for _, i := range s.User.each() {
		p.addUser(&t, &i)
	}
	for _, i := range s.Session.each() {
		if i.Format == Opaque || i.Format == URI {
			t.sessions = append(t.sessions, i.Value)
		}
	}
	for _, i := range s.Device.each() {
		if i.Value != "" {
			t.device = append(t.device, i.Value)
		}
	}
	switch {
	case s.User != nil && len(t.subjects)+len(t.names) == 0, s.Session != nil && len(t.sessions) == 0, s.Device != nil && len(t.device) == 0:
		return t, false // a member that cannot be read restricts; it must not be left out
	case s.User == nil && s.Session == nil:
		return t, false // a tenant or a device alone would be all its users
	}
	if s.Simple && s.User.Format == Opaque && kind == SessionRevoked {
		// CAEP names a session by an opaque ID without saying that it is one.
		t.sessions, t.either = t.subjects, true
	}
	return t, true
}

func (p *Provider) addUser(t *target, i *Identifier) {
	switch i.Format {
	case IssSub:
		if i.Issuer == p.Issuer || slices.Contains(p.Also, i.Issuer) {
			t.subjects = append(t.subjects, i.Value)
		}
	case Opaque, URI, DID:
		t.subjects = append(t.subjects, i.Value)
	case Email:
		t.names = append(t.names, session.KnownAsMail(i.Value))
	case Account:
		if address, is := cutScheme(i.Value, "acct:"); is {
			t.names = append(t.names, session.KnownAsMail(address))
		}
	case Phone:
		if strings.ContainsAny(i.Value, "0123456789") {
			t.names = append(t.names, session.KnownAsPhone(i.Value))
		}
	}
}

// considers reports whether anything follows from an event with this target by SessionOnly. An ID that may be that of a
// user is then that of a session.
func (o *Options) considers(e *Event, t *target) bool {
	if e.Kind != SessionRevoked || !o.SessionOnly {
		return true
	}
	if t.either {
		t.either, t.subjects = false, nil
	}
	return len(t.sessions) > 0
}

func cutScheme(uri, scheme string) (rest string, is bool) {
	if len(uri) <= len(scheme) || uri[:len(scheme)] != scheme {
		return "", false
	}
	return uri[len(scheme):], true
}

// deviceClaims are the claims in which providers name the device of a sign-in.
var deviceClaims = []string{"deviceid", "device_id"}

// onDevice selects the sessions on the device; nil if the subject names none. A session of an unknown device is not one
// of them, unless the subject names the session itself.
func (t *target) onDevice() func(*session.Record) bool {
	if len(t.device) == 0 {
		return nil
	}
	return func(s *session.Record) bool {
		for _, claim := range deviceClaims {
			if id, _ := oidc.ClaimValue(s, claim); id != "" {
				return slices.Contains(t.device, id)
			}
		}
		return len(t.sessions) > 0
	}
}

// only selects the sessions of a user that the subject names; nil if it names all.
func (t *target) only() func(*session.Record) bool {
	device := t.onDevice()
	if len(t.sessions) == 0 || t.either {
		return device
	}
	return func(s *session.Record) bool {
		return slices.Contains(t.sessions, s.ProviderSession) && (device == nil || device(s))
	}
}
