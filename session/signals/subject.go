package signals

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Format is how an identifier names something (RFC 9493, section 3.2).
type Format string

// The formats. Any other one names something that is not known here.
const (
	IssSub  Format = "iss_sub"
	Email   Format = "email"
	Opaque  Format = "opaque"
	Account Format = "account"
	Phone   Format = "phone_number"
	URI     Format = "uri"
	DID     Format = "did"
	Aliases Format = "aliases"

	complexFormat Format = "complex"
)

const (
	// maxIdentifier is the longest identifier that can name anything here.
	maxIdentifier = 1024
	// maxAliases is how many aliases of one subject are read.
	maxAliases = 16
)

// Identifier names one user, session, device or other thing.
type Identifier struct {
	Format Format
	// Issuer is set for IssSub. Value is the subject, the address, the number or the URI; empty for Aliases and for an
	// unknown format.
	Issuer, Value string
	// Of are several names of the same thing, for Aliases.
	Of []Identifier
}

// Subject is whom or what an event is about. All members that are set hold together: the event is about the user on that
// device in that session (Shared Signals Framework, section 3.2). A member that is not set restricts nothing, but a
// subject without User and Session names no user: its only tenant would otherwise be all its users.
//
// A subject that is a single identifier is the User.
type Subject struct {
	User, Session, Device, Application *Identifier
	// Simple: the subject is a single identifier, and may name something else than a user.
	Simple bool
	// Others are the names of further members, such as tenant, which are not looked at.
	Others []string
}

// subjectOf finds the subject of a token: sub_id of the token, or subject of the event, where older transmitters and
// authentik have it. A token that has both must name the same.
func subjectOf(claims, event map[string]json.RawMessage) (Subject, error) {
	var raw json.RawMessage
	for _, place := range []json.RawMessage{claims["sub_id"], event["subject"]} {
		switch {
		case len(place) == 0:
		case raw != nil && !sameJSON(raw, place):
			return Subject{}, malformed("the token names two different subjects (sub_id, and subject in the event)")
		default:
			raw = place
		}
	}
	if raw == nil {
		return Subject{}, nil
	}
	members, err := claim.Parse(raw)
	if err != nil || members == nil {
		return Subject{}, malformed("the subject is no object (sub_id)")
	}
	return readSubject(members)
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	left, err := json.Marshal(x)
	right, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(left, right)
}

// readSubject reads a simple subject, or a complex one. authentik sends complex ones without a format.
func readSubject(members map[string]json.RawMessage) (s Subject, err error) {
	format, named, err := formatOf(members)
	if err != nil {
		return s, err
	}
	if named && format != complexFormat {
		s.Simple = true
		s.User, err = readIdentifier(members, true)
		return s, err
	}
	read := false
	for name, raw := range members {
		if name == "format" {
			continue
		}
		of, err := claim.Parse(raw)
		if err != nil || of == nil {
			if !named && !restricts(name) {
				s.Others = append(s.Others, name) // a further field of a subject without a format
				continue
			}
			return s, malformed("a member of the subject is no object")
		}
		one, err := readIdentifier(of, true)
		if err != nil {
			return s, err
		}
		read = true
		switch name {
		case "user":
			s.User = one
		case "session":
			s.Session = one
		case "device":
			s.Device = one
		case "application":
			s.Application = one
		default:
			s.Others = append(s.Others, name)
		}
	}
	if !read {
		return s, malformed("the subject has no format and no members")
	}
	return s, nil
}

// restricts reports whether a member of a subject says what the event is about: left out, the event would reach more.
func restricts(name string) bool {
	return name == "user" || name == "session" || name == "device" || name == "application"
}

// formatOf returns the format of a subject. Drafts before RFC 9493 had subject_type, with hyphens.
func formatOf(members map[string]json.RawMessage) (format Format, named bool, err error) {
	for _, name := range []string{"format", "subject_type"} {
		raw, has := members[name]
		if !has {
			continue
		}
		text, ok := claim.ParseString(raw)
		if !ok {
			return "", true, malformed("the format of the subject is no text")
		}
		if name == "subject_type" {
			text = strings.ReplaceAll(text, "-", "_")
		}
		if text == "phone" {
			text = string(Phone)
		}
		return Format(text), true, nil
	}
	return "", false, nil
}

// readIdentifier reads an identifier. One of an unknown format names nothing; one of a known format that lacks what the
// format demands is refused.
func readIdentifier(members map[string]json.RawMessage, mayAlias bool) (*Identifier, error) {
	format, named, err := formatOf(members)
	if err != nil {
		return nil, err
	}
	if !named {
		return nil, malformed("an identifier of the subject has no format")
	}
	one := &Identifier{Format: format}
	field := ""
	switch format {
	case IssSub:
		if one.Issuer, err = textOf(members, "iss"); err != nil {
			return nil, err
		}
		field = "sub"
	case Email:
		field = "email"
	case Opaque:
		field = "id"
	case Account, URI:
		field = "uri"
	case Phone:
		field = "phone_number"
		if members[field] == nil && members["phone"] != nil {
			field = "phone" // drafts before RFC 9493
		}
	case DID:
		field = "url"
	case Aliases:
		if !mayAlias {
			return nil, malformed("aliases contain aliases (RFC 9493, section 3.2.8)")
		}
		one.Of, err = readAliases(members["identifiers"])
		return one, err
	default:
		return one, nil
	}
	one.Value, err = textOf(members, field)
	return one, err
}

func readAliases(raw json.RawMessage) (of []Identifier, err error) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list) > maxAliases {
		return nil, malformed("the aliases of the subject are no list, or too many")
	}
	for _, raw := range list {
		members, err := claim.Parse(raw)
		if err != nil || members == nil {
			return nil, malformed("an alias of the subject is no object")
		}
		one, err := readIdentifier(members, false)
		if err != nil {
			return nil, err
		}
		of = append(of, *one)
	}
	return of, nil
}

func textOf(members map[string]json.RawMessage, name string) (string, error) {
	text, ok := claim.ParseString(members[name])
	if !ok || text == "" || len(text) > maxIdentifier || !utf8.ValidString(text) {
		return "", malformed("an identifier of the subject is empty, too long or no text")
	}
	return text, nil
}

// each are the identifier itself, or its aliases.
func (i *Identifier) each() []Identifier {
	switch {
	case i == nil:
		return nil
	case i.Format == Aliases:
		return i.Of
	}
	return []Identifier{*i}
}
