package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// errMalformed: a record that opened, so that we wrote it, but cannot be read: another version's, or a bug.
var errMalformed = errors.New("malformed record")

// The fields of a record. A number is never reused. Fields that this version does not know are kept and written back,
// so that replicas of two versions can share a store (A78).
const (
	fieldID = iota + 1
	fieldProvider
	fieldIssuer
	fieldSubject
	fieldProviderSession
	fieldUser
	fieldName
	fieldEmail
	fieldFlags
	fieldClaims
	fieldUserInfo
	fieldGroup
	fieldGroupsAsOf
	fieldKind
	fieldKindReason
	fieldCreated
	fieldAuthTime
	fieldACR
	fieldAMR
	fieldLastUsed
	fieldIdle
	fieldMax
	fieldBrowserID
	fieldFirstIP
	fieldFirstAgent
	fieldApp
	fieldTokens
	fieldContext
	fieldSignInRisk
	fieldUserRisk
	fieldCompliant
	fieldManaged
	fieldShared
	fieldSteppedUp
	fieldStepUps
	fieldBegan
	fieldConfirmed
	fieldUnverified
)

const (
	flagGuest = 1 << iota
	flagGroupsComplete
	flagEmailVerified
	flagRenewable
	flagUserUnverified
	flagGuestUnclear
	flagGroupsUnclear

	knownFlags = flagGuest | flagGroupsComplete | flagEmailVerified | flagRenewable | flagUserUnverified |
		flagGuestUnclear | flagGroupsUnclear
)

// usualRecord is in how many bytes most records are written.
const usualRecord = 3 << 10

// encode writes the record as fields of tag, length and value. A field that is empty is not written. The sealed tokens
// come last, in as many bytes as tail says.
func (s *Session) encode() (plain []byte, tail int) {
	w := fieldWriter{out: make([]byte, 0, usualRecord)}
	w.bytes(fieldID, s.ID[:])
	w.str(fieldProvider, s.Provider)
	w.str(fieldIssuer, s.Identity.Issuer)
	w.str(fieldSubject, s.Identity.Subject)
	w.str(fieldProviderSession, s.ProviderSession)
	w.str(fieldUser, s.User)
	w.str(fieldName, s.Name)
	w.str(fieldEmail, s.Email)
	w.num(fieldFlags, s.allFlags())
	w.bytes(fieldClaims, s.Claims)
	w.bytes(fieldUserInfo, s.UserInfo)
	w.list(fieldGroup, s.Groups)
	w.time(fieldGroupsAsOf, s.GroupsAsOf)
	w.num(fieldKind, int64(s.Kind))
	w.str(fieldKindReason, s.KindReason)
	w.time(fieldCreated, s.Created)
	w.time(fieldAuthTime, s.AuthTime)
	w.str(fieldACR, s.ACR)
	w.list(fieldAMR, s.AMR)
	w.time(fieldLastUsed, s.LastUsed)
	w.num(fieldIdle, int64(s.Limit.Idle))
	w.num(fieldMax, int64(s.Limit.Max))
	w.str(fieldBrowserID, s.BrowserID)
	w.str(fieldFirstIP, s.FirstIP)
	w.str(fieldFirstAgent, s.FirstAgent)
	w.list(fieldApp, s.Apps)
	w.list(fieldContext, s.Contexts)
	w.str(fieldSignInRisk, s.SignInRisk)
	w.str(fieldUserRisk, s.UserRisk)
	w.str(fieldCompliant, s.Compliant)
	w.str(fieldManaged, s.Managed)
	w.str(fieldShared, s.Shared)
	w.time(fieldSteppedUp, s.SteppedUp)
	w.num(fieldStepUps, int64(s.StepUps))
	w.time(fieldBegan, s.Began)
	w.time(fieldConfirmed, s.Confirmed)
	w.list(fieldUnverified, s.Unverified)
	w.out = append(w.out, s.unknown...)
	tail = len(w.out)
	w.bytes(fieldTokens, s.sealedTokens)
	return w.out, len(w.out) - tail
}

func (s *Session) allFlags() int64 {
	flags := s.flags
	for _, f := range []struct {
		is   bool
		flag int64
	}{
		{s.Guest, flagGuest},
		{s.GroupsComplete, flagGroupsComplete},
		{s.EmailVerified, flagEmailVerified},
		{s.Renewable, flagRenewable},
		{s.UserUnverified, flagUserUnverified},
		{s.GuestUnclear, flagGuestUnclear},
		{s.GroupsUnclear, flagGroupsUnclear},
	} {
		if f.is {
			flags |= f.flag
		}
	}
	return flags
}

// readSession is decodeSession of what pack has made.
func readSession(packed []byte) (*Session, error) {
	plain, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	return decodeSession(plain)
}

// decodeSession reads a session: a record that has begun and has limits.
func decodeSession(data []byte) (*Session, error) {
	s, err := decodeDraft(data)
	if err != nil {
		return nil, err
	}
	if err := s.valid(); err != nil {
		return nil, err
	}
	return s, nil
}

// valid holds a record against what every session has. It is asked when one is written as well as when it is read, so
// that none can be made that nobody can load (A47).
func (s *Session) valid() error {
	if s.Created.IsZero() || s.LastUsed.IsZero() || s.Limit.Idle <= 0 || s.Limit.Max <= 0 {
		return fmt.Errorf("%w: without a limit", errMalformed)
	}
	return s.validDraft()
}

func (s *Session) validDraft() error {
	if s.Kind != Browser && s.Kind != Persistent {
		return fmt.Errorf("%w: kind %d", errMalformed, s.Kind)
	}
	if s.Identity.Issuer == "" || s.Identity.Subject == "" {
		return fmt.Errorf("%w: nobody's", errMalformed)
	}
	return nil
}

// decodeDraft reads a record that may still lack what Create gives it.
func decodeDraft(data []byte) (*Session, error) {
	s := &Session{}
	text := string(data) // one piece of memory for all that it says
	var flags, kind, idle, maxLife, stepUps int64
	r := fieldReader{data: data}
	for r.next() {
		switch r.tag {
		case fieldID:
			if len(r.value) != len(s.ID) {
				return nil, errMalformed
			}
			copy(s.ID[:], r.value)
		case fieldProvider:
			s.Provider = r.str(text)
		case fieldIssuer:
			s.Identity.Issuer = r.str(text)
		case fieldSubject:
			s.Identity.Subject = r.str(text)
		case fieldProviderSession:
			s.ProviderSession = r.str(text)
		case fieldUser:
			s.User = r.str(text)
		case fieldName:
			s.Name = r.str(text)
		case fieldEmail:
			s.Email = r.str(text)
		case fieldFlags:
			r.num(&flags)
		case fieldClaims:
			s.Claims = r.blob()
		case fieldUserInfo:
			s.UserInfo = r.blob()
		case fieldGroup:
			s.Groups = append(s.Groups, r.str(text))
		case fieldGroupsAsOf:
			r.time(&s.GroupsAsOf)
		case fieldKind:
			r.num(&kind)
		case fieldKindReason:
			s.KindReason = r.str(text)
		case fieldCreated:
			r.time(&s.Created)
		case fieldAuthTime:
			r.time(&s.AuthTime)
		case fieldACR:
			s.ACR = r.str(text)
		case fieldAMR:
			s.AMR = append(s.AMR, r.str(text))
		case fieldLastUsed:
			r.time(&s.LastUsed)
		case fieldIdle:
			r.num(&idle)
		case fieldMax:
			r.num(&maxLife)
		case fieldBrowserID:
			s.BrowserID = r.str(text)
		case fieldFirstIP:
			s.FirstIP = r.str(text)
		case fieldFirstAgent:
			s.FirstAgent = r.str(text)
		case fieldApp:
			s.Apps = append(s.Apps, r.str(text))
		case fieldTokens:
			s.sealedTokens = r.blob()
		case fieldContext:
			s.Contexts = append(s.Contexts, r.str(text))
		case fieldSignInRisk:
			s.SignInRisk = r.str(text)
		case fieldUserRisk:
			s.UserRisk = r.str(text)
		case fieldCompliant:
			s.Compliant = r.str(text)
		case fieldManaged:
			s.Managed = r.str(text)
		case fieldShared:
			s.Shared = r.str(text)
		case fieldSteppedUp:
			r.time(&s.SteppedUp)
		case fieldStepUps:
			r.num(&stepUps)
		case fieldBegan:
			r.time(&s.Began)
		case fieldConfirmed:
			r.time(&s.Confirmed)
		case fieldUnverified:
			s.Unverified = append(s.Unverified, r.str(text))
		default:
			s.unknown = append(s.unknown, r.raw...)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if kind < 0 || kind > math.MaxUint8 {
		return nil, fmt.Errorf("%w: kind %d", errMalformed, kind)
	}
	s.Kind, s.StepUps = Kind(kind), int(stepUps)
	s.Guest, s.GroupsComplete = flags&flagGuest != 0, flags&flagGroupsComplete != 0
	s.UserUnverified, s.GuestUnclear = flags&flagUserUnverified != 0, flags&flagGuestUnclear != 0
	s.GroupsUnclear = flags&flagGroupsUnclear != 0
	s.EmailVerified, s.Renewable = flags&flagEmailVerified != 0, flags&flagRenewable != 0
	s.flags = flags &^ knownFlags
	s.Limit = Limit{Idle: time.Duration(idle), Max: time.Duration(maxLife)}
	if err := s.validDraft(); err != nil {
		return nil, err
	}
	return s, nil
}

type fieldWriter struct{ out []byte }

func (w *fieldWriter) head(tag uint64, size int) {
	w.out = binary.AppendUvarint(w.out, tag)
	w.out = binary.AppendUvarint(w.out, uint64(size)) //nolint:gosec // a length
}

func (w *fieldWriter) put(tag uint64, v []byte) {
	w.head(tag, len(v))
	w.out = append(w.out, v...)
}

func (w *fieldWriter) bytes(tag uint64, v []byte) {
	if len(v) > 0 {
		w.put(tag, v)
	}
}

func (w *fieldWriter) str(tag uint64, v string) {
	if v != "" {
		w.text(tag, v)
	}
}

func (w *fieldWriter) text(tag uint64, v string) {
	w.head(tag, len(v))
	w.out = append(w.out, v...)
}

// list writes one field for each element, empty ones too: a group named "" is not the absence of a group.
func (w *fieldWriter) list(tag uint64, vs []string) {
	for _, v := range vs {
		w.text(tag, v)
	}
}

func (w *fieldWriter) num(tag uint64, v int64) {
	if v != 0 {
		w.varint(tag, v)
	}
}

// time writes milliseconds as 64 bits: dates after 2038 are dates like any other (A48).
func (w *fieldWriter) time(tag uint64, t time.Time) {
	if !t.IsZero() {
		w.varint(tag, t.UnixMilli())
	}
}

func (w *fieldWriter) varint(tag uint64, v int64) {
	var digits [binary.MaxVarintLen64]byte
	w.put(tag, digits[:binary.PutVarint(digits[:], v)])
}

type fieldReader struct {
	data, raw, value []byte
	tag              uint64
	err              error
}

func (r *fieldReader) next() bool {
	if r.err != nil || len(r.data) == 0 {
		return false
	}
	tag, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.err = errMalformed
		return false
	}
	size, m := binary.Uvarint(r.data[n:])
	if m <= 0 || size > uint64(len(r.data)-n-m) {
		r.err = errMalformed
		return false
	}
	end := n + m + int(size) //nolint:gosec // size is at most the length of data, checked above
	r.tag, r.value, r.raw, r.data = tag, r.data[n+m:end], r.data[:end], r.data[end:]
	return true
}

// str is the value in the text of all data.
func (r *fieldReader) str(text string) string {
	end := len(text) - len(r.data)
	return text[end-len(r.value) : end]
}

// blob is a copy of the value. An empty field reads as one that is absent, because it is not written.
func (r *fieldReader) blob() []byte {
	if len(r.value) == 0 {
		return nil
	}
	return bytes.Clone(r.value)
}

func (r *fieldReader) num(to *int64) {
	v, n := binary.Varint(r.value)
	if n != len(r.value) || n <= 0 {
		r.err = errMalformed
		return
	}
	*to = v
}

func (r *fieldReader) time(to *time.Time) {
	var ms int64
	r.num(&ms)
	*to = time.UnixMilli(ms).UTC()
}
