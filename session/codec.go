package session

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

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
func (s *Record) encode() (plain []byte, tail int) {
	w := pack.FieldWriter{Out: make([]byte, 0, usualRecord)}
	w.Bytes(fieldID, s.ID[:])
	w.Str(fieldProvider, s.Provider)
	w.Str(fieldIssuer, s.Identity.Issuer)
	w.Str(fieldSubject, s.Identity.Subject)
	w.Str(fieldProviderSession, s.ProviderSession)
	w.Str(fieldUser, s.User)
	w.Str(fieldName, s.Name)
	w.Str(fieldEmail, s.Email)
	w.Num(fieldFlags, s.allFlags())
	w.Bytes(fieldClaims, s.Claims)
	w.Bytes(fieldUserInfo, s.UserInfo)
	w.List(fieldGroup, s.Groups)
	w.Time(fieldGroupsAsOf, s.GroupsAsOf)
	w.Num(fieldKind, int64(s.Kind))
	w.Str(fieldKindReason, s.KindReason)
	w.Time(fieldCreated, s.Created)
	w.Time(fieldAuthTime, s.AuthTime)
	w.Str(fieldACR, s.ACR)
	w.List(fieldAMR, s.AMR)
	w.Time(fieldLastUsed, s.LastUsed)
	w.Num(fieldIdle, int64(s.Limit.Idle))
	w.Num(fieldMax, int64(s.Limit.Max))
	w.Str(fieldBrowserID, s.BrowserID)
	w.Str(fieldFirstIP, s.FirstIP)
	w.Str(fieldFirstAgent, s.FirstAgent)
	w.List(fieldApp, s.Apps)
	w.List(fieldContext, s.Contexts)
	w.Str(fieldSignInRisk, s.SignInRisk)
	w.Str(fieldUserRisk, s.UserRisk)
	w.Str(fieldCompliant, s.Compliant)
	w.Str(fieldManaged, s.Managed)
	w.Str(fieldShared, s.Shared)
	w.Time(fieldSteppedUp, s.SteppedUp)
	w.Num(fieldStepUps, int64(s.StepUps))
	w.Time(fieldBegan, s.Began)
	w.Time(fieldConfirmed, s.Confirmed)
	w.List(fieldUnverified, s.Unverified)
	w.Out = append(w.Out, s.unknown...)
	tail = len(w.Out)
	w.Bytes(fieldTokens, s.sealedTokens)
	return w.Out, len(w.Out) - tail
}

func (s *Record) allFlags() int64 {
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

// readRecord is decodeRecord of what pack has made.
func readRecord(packed []byte) (*Record, error) {
	plain, err := pack.Unpack(packed)
	if err != nil {
		return nil, err
	}
	return decodeRecord(plain)
}

// decodeRecord reads a session: a record that has begun and has limits.
func decodeRecord(data []byte) (*Record, error) {
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
// that none can be made that cannot be loaded (A47).
func (s *Record) valid() error {
	if s.Created.IsZero() || s.LastUsed.IsZero() || s.Limit.Idle <= 0 || s.Limit.Max <= 0 {
		return fmt.Errorf("%w: without a limit", pack.ErrMalformed)
	}
	return s.validDraft()
}

func (s *Record) validDraft() error {
	if s.Kind != Browser && s.Kind != Persistent {
		return fmt.Errorf("%w: kind %d", pack.ErrMalformed, s.Kind)
	}
	if s.Identity.Issuer == "" || s.Identity.Subject == "" {
		return fmt.Errorf("%w: without an identity", pack.ErrMalformed)
	}
	return nil
}

// decodeDraft reads a record that may still lack what Create gives it.
func decodeDraft(data []byte) (*Record, error) {
	s := &Record{}
	text := string(data) // one piece of memory for all that it says
	var flags, kind, idle, maxLife, stepUps int64
	r := pack.FieldReader{Data: data}
	for r.Next() {
		switch r.Tag {
		case fieldID:
			if len(r.Value) != len(s.ID) {
				return nil, pack.ErrMalformed
			}
			copy(s.ID[:], r.Value)
		case fieldProvider:
			s.Provider = r.Str(text)
		case fieldIssuer:
			s.Identity.Issuer = r.Str(text)
		case fieldSubject:
			s.Identity.Subject = r.Str(text)
		case fieldProviderSession:
			s.ProviderSession = r.Str(text)
		case fieldUser:
			s.User = r.Str(text)
		case fieldName:
			s.Name = r.Str(text)
		case fieldEmail:
			s.Email = r.Str(text)
		case fieldFlags:
			r.Num(&flags)
		case fieldClaims:
			s.Claims = r.Blob()
		case fieldUserInfo:
			s.UserInfo = r.Blob()
		case fieldGroup:
			s.Groups = append(s.Groups, r.Str(text))
		case fieldGroupsAsOf:
			r.Time(&s.GroupsAsOf)
		case fieldKind:
			r.Num(&kind)
		case fieldKindReason:
			s.KindReason = r.Str(text)
		case fieldCreated:
			r.Time(&s.Created)
		case fieldAuthTime:
			r.Time(&s.AuthTime)
		case fieldACR:
			s.ACR = r.Str(text)
		case fieldAMR:
			s.AMR = append(s.AMR, r.Str(text))
		case fieldLastUsed:
			r.Time(&s.LastUsed)
		case fieldIdle:
			r.Num(&idle)
		case fieldMax:
			r.Num(&maxLife)
		case fieldBrowserID:
			s.BrowserID = r.Str(text)
		case fieldFirstIP:
			s.FirstIP = r.Str(text)
		case fieldFirstAgent:
			s.FirstAgent = r.Str(text)
		case fieldApp:
			s.Apps = append(s.Apps, r.Str(text))
		case fieldTokens:
			s.sealedTokens = r.Blob()
		case fieldContext:
			s.Contexts = append(s.Contexts, r.Str(text))
		case fieldSignInRisk:
			s.SignInRisk = r.Str(text)
		case fieldUserRisk:
			s.UserRisk = r.Str(text)
		case fieldCompliant:
			s.Compliant = r.Str(text)
		case fieldManaged:
			s.Managed = r.Str(text)
		case fieldShared:
			s.Shared = r.Str(text)
		case fieldSteppedUp:
			r.Time(&s.SteppedUp)
		case fieldStepUps:
			r.Num(&stepUps)
		case fieldBegan:
			r.Time(&s.Began)
		case fieldConfirmed:
			r.Time(&s.Confirmed)
		case fieldUnverified:
			s.Unverified = append(s.Unverified, r.Str(text))
		default:
			s.unknown = append(s.unknown, r.Raw...)
		}
	}
	if r.Err != nil {
		return nil, r.Err
	}
	if kind < 0 || kind > math.MaxUint8 {
		return nil, fmt.Errorf("%w: kind %d", pack.ErrMalformed, kind)
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

// The fields of Tokens. A refresh token is one or more parts between dots, each as it is or, where it is base64url
// anyway, the bytes that it says: a quarter less.
const (
	tokenIDHeader = iota + 2
	tokenIDSignature
	tokenPart
	tokenPartBytes
)

// maxParts is up to how many parts are looked at one by one: a JWE has five.
const maxParts = 8

func (t Tokens) encode() []byte {
	var w pack.FieldWriter
	if t.Refresh != "" {
		for _, part := range strings.SplitN(t.Refresh, ".", maxParts) {
			if b, err := base64.RawURLEncoding.Strict().DecodeString(part); err == nil && base64.RawURLEncoding.EncodeToString(b) == part {
				w.Put(tokenPartBytes, b)
			} else {
				w.Put(tokenPart, []byte(part))
			}
		}
	}
	w.Bytes(tokenIDHeader, t.IDHeader)
	w.Bytes(tokenIDSignature, t.IDSignature)
	return w.Out
}

func decodeTokens(data []byte) (Tokens, error) {
	var t Tokens
	var parts []string
	r := pack.FieldReader{Data: data}
	for r.Next() {
		switch r.Tag {
		case tokenPart:
			parts = append(parts, string(r.Value))
		case tokenPartBytes:
			parts = append(parts, base64.RawURLEncoding.EncodeToString(r.Value))
		case tokenIDHeader:
			t.IDHeader = bytes.Clone(r.Value)
		case tokenIDSignature:
			t.IDSignature = bytes.Clone(r.Value)
		}
	}
	if len(parts) > 0 {
		t.Refresh = strings.Join(parts, ".")
	}
	return t, r.Err
}
