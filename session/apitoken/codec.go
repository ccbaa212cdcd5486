package apitoken

import (
	"encoding/base64"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// The fields of a token in the store. A number is never used again for something else.
const (
	fieldName = iota + 1
	fieldApp
	fieldCreated
	fieldExpires
	fieldUsed
	fieldUsedIP
	fieldOwner
	fieldService
	fieldGroup
)

func (t *Token) encode() []byte {
	var w pack.FieldWriter
	w.Str(fieldName, t.Name)
	w.Str(fieldApp, t.App)
	w.Time(fieldCreated, t.Created)
	w.Time(fieldExpires, t.Expires)
	w.Time(fieldUsed, t.LastUsed)
	w.Str(fieldUsedIP, t.LastIP)
	w.Bytes(fieldOwner, digestOf(t.owner))
	w.Str(fieldService, t.Service)
	w.List(fieldGroup, t.Groups)
	return append(w.Out, t.unknown...)
}

func decode(plain []byte) (*Token, error) {
	t := new(Token)
	r := pack.FieldReader{Data: plain}
	for r.Next() {
		switch r.Tag {
		case fieldName:
			t.Name = string(r.Value)
		case fieldApp:
			t.App = string(r.Value)
		case fieldCreated:
			r.Time(&t.Created)
		case fieldExpires:
			r.Time(&t.Expires)
		case fieldUsed:
			r.Time(&t.LastUsed)
		case fieldUsedIP:
			t.LastIP = string(r.Value)
		case fieldOwner:
			t.owner = ownerOf(r.Value)
		case fieldService:
			t.Service = string(r.Value)
		case fieldGroup:
			t.Groups = append(t.Groups, string(r.Value))
		default:
			t.unknown = append(t.unknown, r.Raw...)
		}
	}
	if r.Err != nil {
		return nil, r.Err
	}
	// A token without one of these would be good everywhere, for ever, or for no known user.
	if t.App == "" || t.Created.IsZero() || t.Expires.IsZero() || (t.owner == "") == (t.Service == "") {
		return nil, pack.ErrMalformed
	}
	return t, nil
}

// digestOf returns the hash in the key of the entry about a user, which takes less space than the key; ownerOf is its reverse.
func digestOf(owner session.Key) []byte {
	if owner == "" {
		return nil
	}
	digest, err := base64.RawURLEncoding.DecodeString(string(owner[len(ownerKind):]))
	if err != nil {
		return nil // which is read as a token without an owner: an error
	}
	return digest
}

func ownerOf(digest []byte) session.Key {
	return session.Key(ownerKind + base64.RawURLEncoding.EncodeToString(digest))
}

// whole returns a time as it is kept.
func whole(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
