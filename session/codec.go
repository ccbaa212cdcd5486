package session

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// A recordField is one field of a record. Its number is its index in recordFields.
type recordField struct {
	// renewed: a renewal brings what the provider states now. What is kept belongs to the act of signing in (A13).
	renewed bool
	// at returns the address of the field. Its type says how the field is written: encode and decodeDraft know each type.
	at func(*Record) any
}

const kept, renewed = false, true

// recordFields are all fields of a record, in the order in which they are written. A number is never used again. Fields
// that this version does not know are kept and written back, so that replicas of two versions can share a store (A78).
var recordFields = [...]recordField{
	1:  {kept, func(s *Record) any { return &s.ID }},
	2:  {kept, func(s *Record) any { return &s.Provider }},
	3:  {kept, func(s *Record) any { return &s.Identity.Issuer }},
	4:  {kept, func(s *Record) any { return &s.Identity.Subject }},
	5:  {renewed, func(s *Record) any { return &s.ProviderSession }},
	6:  {renewed, func(s *Record) any { return &s.User }},
	7:  {renewed, func(s *Record) any { return &s.Name }},
	8:  {renewed, func(s *Record) any { return &s.Email }},
	9:  {kept, func(s *Record) any { return (*flagSet)(s) }}, // recordFlags says which of them are renewed
	10: {renewed, func(s *Record) any { return &s.Claims }},
	11: {renewed, func(s *Record) any { return &s.UserInfo }},
	12: {renewed, func(s *Record) any { return &s.Groups }},
	13: {renewed, func(s *Record) any { return &s.GroupsAsOf }},
	14: {kept, func(s *Record) any { return &s.Kind }},
	15: {kept, func(s *Record) any { return &s.KindReason }},
	16: {kept, func(s *Record) any { return &s.Created }},
	17: {kept, func(s *Record) any { return &s.AuthTime }},
	18: {kept, func(s *Record) any { return &s.ACR }},
	19: {kept, func(s *Record) any { return &s.AMR }},
	20: {kept, func(s *Record) any { return &s.LastUsed }},
	21: {kept, func(s *Record) any { return &s.Limit.Idle }},
	22: {kept, func(s *Record) any { return &s.Limit.Max }},
	23: {kept, func(s *Record) any { return &s.BrowserID }},
	24: {kept, func(s *Record) any { return &s.FirstIP }},
	25: {kept, func(s *Record) any { return &s.FirstAgent }},
	26: {kept, func(s *Record) any { return &s.Apps }},
	// 27 is fieldTokens.
	28: {kept, func(s *Record) any { return &s.Contexts }},
	29: {renewed, func(s *Record) any { return &s.SignInRisk }},
	30: {renewed, func(s *Record) any { return &s.UserRisk }},
	31: {renewed, func(s *Record) any { return &s.Compliant }},
	32: {renewed, func(s *Record) any { return &s.Managed }},
	33: {renewed, func(s *Record) any { return &s.Shared }},
	34: {kept, func(s *Record) any { return &s.SteppedUp }},
	35: {kept, func(s *Record) any { return &s.StepUps }},
	36: {kept, func(s *Record) any { return &s.Began }},
	37: {renewed, func(s *Record) any { return &s.Confirmed }},
	38: {renewed, func(s *Record) any { return &s.Unverified }},
	39: {kept, func(s *Record) any { return &s.Binding.Identifier }},
	40: {kept, func(s *Record) any { return &s.Binding.Key }},
	41: {kept, func(s *Record) any { return &s.Binding.Algorithm }},
	42: {kept, func(s *Record) any { return &s.Binding.Registered }},
	43: {kept, func(s *Record) any { return &s.Binding.Since }},
	44: {kept, func(s *Record) any { return &s.Binding.Limit.Idle }},
	45: {kept, func(s *Record) any { return &s.Binding.Limit.Max }},
	46: {kept, func(s *Record) any { return &s.Binding.Place }},
	47: {kept, func(s *Record) any { return &s.Binding.More }},
	48: {renewed, func(s *Record) any { return &s.KnownAs }},
	49: {kept, func(s *Record) any { return &s.Signalled.Reauthenticate }},
	50: {kept, func(s *Record) any { return &s.Signalled.Weakened }},
	51: {kept, func(s *Record) any { return &s.Signalled.UserRisk.Value }},
	52: {kept, func(s *Record) any { return &s.Signalled.UserRisk.Until }},
	53: {kept, func(s *Record) any { return &s.Signalled.SignInRisk.Value }},
	54: {kept, func(s *Record) any { return &s.Signalled.SignInRisk.Until }},
	55: {kept, func(s *Record) any { return &s.Signalled.Compliant.Value }},
	56: {kept, func(s *Record) any { return &s.Signalled.Compliant.Until }},
	57: {kept, func(s *Record) any { return &s.Signalled.Recheck }},
	58: {kept, func(s *Record) any { return &s.Signalled.UserRisk.Since }},
	59: {kept, func(s *Record) any { return &s.Signalled.UserRisk.From }},
	60: {kept, func(s *Record) any { return &s.Signalled.SignInRisk.Since }},
	61: {kept, func(s *Record) any { return &s.Signalled.SignInRisk.From }},
	62: {kept, func(s *Record) any { return &s.Signalled.Compliant.Since }},
	63: {kept, func(s *Record) any { return &s.Signalled.Compliant.From }},
}

// fieldTokens is the field of the sealed tokens. It stands outside of recordFields because it is written last.
const fieldTokens = 27

// flagSet is a record as the number that its flags are written as: each is one bit, by its index in recordFlags.
type flagSet Record

var recordFlags = [...]struct {
	renewed bool // as in recordField
	at      func(*Record) *bool
}{
	0: {renewed, func(s *Record) *bool { return &s.Guest }},
	1: {renewed, func(s *Record) *bool { return &s.GroupsComplete }},
	2: {renewed, func(s *Record) *bool { return &s.EmailVerified }},
	3: {kept, func(s *Record) *bool { return &s.Renewable }},
	4: {renewed, func(s *Record) *bool { return &s.UserUnverified }},
	5: {renewed, func(s *Record) *bool { return &s.GuestUnclear }},
	6: {renewed, func(s *Record) *bool { return &s.GroupsUnclear }},
}

const knownFlags = 1<<len(recordFlags) - 1

func (f *flagSet) bits() int64 {
	bits := f.flags
	for i := range recordFlags {
		if *recordFlags[i].at((*Record)(f)) {
			bits |= 1 << i
		}
	}
	return bits
}

func (f *flagSet) set(bits int64) {
	for i := range recordFlags {
		*recordFlags[i].at((*Record)(f)) = bits&(1<<i) != 0
	}
	f.flags = bits &^ knownFlags
}

// fields are recordFields, each with the address of the field in s.
func (s *Record) fields(yield func(f *recordField, at any) bool) {
	for i := range recordFields {
		if f := &recordFields[i]; f.at != nil && !yield(f, f.at(s)) {
			return
		}
	}
}

// clone copies what the record shares with its maker, for a session is immutable and may be read from anywhere (A30).
func (s *Record) clone() *Record {
	c := *s
	c.session = nil
	for _, at := range c.fields {
		switch at := at.(type) {
		case *[]byte:
			*at = bytes.Clone(*at)
		case *[]string:
			*at = slices.Clone(*at)
		case *[]DeviceKey:
			*at = slices.Clone(*at)
			for i := range *at {
				(*at)[i].Key = bytes.Clone((*at)[i].Key)
			}
		}
	}
	return &c
}

// roundTimes brings the times to the millisecond and to UTC, as they are stored: what Create returns is what Load will
// return.
func (s *Record) roundTimes() {
	for _, at := range s.fields {
		switch at := at.(type) {
		case *time.Time:
			*at = at.UTC().Truncate(time.Millisecond)
		case *[]DeviceKey:
			for i := range *at {
				(*at)[i].Registered = (*at)[i].Registered.UTC().Truncate(time.Millisecond)
			}
		}
	}
}

// renew takes up what a renewal states, but for the tokens.
func (s *Record) renew(fresh *Record) {
	fresh = fresh.clone()
	if fresh.ProviderSession == "" { // an answer that does not name it does not change it
		fresh.ProviderSession = s.ProviderSession
	}
	if !fresh.Confirmed.After(fresh.GroupsAsOf) {
		fresh.Confirmed = time.Time{}
	}
	for f, at := range s.fields {
		if f.renewed {
			reflect.ValueOf(at).Elem().Set(reflect.ValueOf(f.at(fresh)).Elem())
		}
	}
	for _, f := range recordFlags {
		if f.renewed {
			*f.at(s) = *f.at(fresh)
		}
	}
	s.roundTimes() // as they will be read
}

// usualRecord is the size of most encoded records, in bytes.
const usualRecord = 3 << 10

// encodings are buffers for what encodeTo writes, where it is not kept.
var encodings = sync.Pool{New: func() any { buf := make([]byte, 0, usualRecord); return &buf }}

// encode writes the record as fields of tag, length and value. An empty field is not written. The sealed tokens come
// last; tail is their length.
func (s *Record) encode() (plain []byte, tail int) { return encodeTo(make([]byte, 0, usualRecord), s) }

// encodeTo is encode for a buffer, which it appends to.
func encodeTo(buf []byte, s *Record) (plain []byte, tail int) {
	w := pack.FieldWriter{Out: buf}
	for i := range recordFields {
		if recordFields[i].at == nil {
			continue
		}
		number := uint64(i) //nolint:gosec // an index
		switch at := recordFields[i].at(s).(type) {
		case *string:
			w.Str(number, *at)
		case *[]string:
			w.List(number, *at)
		case *time.Time:
			w.Time(number, *at)
		case *[]byte:
			w.Bytes(number, *at)
		case *time.Duration:
			w.Num(number, int64(*at))
		case *int:
			w.Num(number, int64(*at))
		case *Kind:
			w.Num(number, int64(*at))
		case *flagSet:
			w.Num(number, at.bits())
		case *ID:
			w.Bytes(number, at[:])
		case *[]DeviceKey:
			for i := range *at {
				w.Put(number, (*at)[i].encode())
			}
		}
	}
	w.Out = append(w.Out, s.unknown...)
	tail = len(w.Out)
	w.Bytes(fieldTokens, s.sealedTokens)
	return w.Out, len(w.Out) - tail
}

// readRecord is decodeRecord of what pack has made.
func readRecord(packed []byte) (*Record, error) {
	plain, err := pack.Unpack(packed)
	if err != nil {
		return nil, err
	}
	return decodeRecord(plain)
}

// decodeRecord decodes a session: a record with a start and limits.
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

// valid checks what every session must have. It is called before a write as well as after a read, so that every written
// record can be loaded (A47).
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
	if len(s.Binding.More) >= MaxKeys || slices.ContainsFunc(s.Binding.More, func(k DeviceKey) bool { return len(k.Key) == 0 }) {
		return fmt.Errorf("%w: more than %d keys, or none where one is named", pack.ErrMalformed, MaxKeys)
	}
	return nil
}

// decodeDraft decodes a record that may lack the fields that Create sets.
func decodeDraft(data []byte) (*Record, error) {
	s, err := decodeFields(data)
	if err != nil {
		return nil, err
	}
	if err := s.validDraft(); err != nil {
		return nil, err
	}
	return s, nil
}

func decodeFields(data []byte) (*Record, error) {
	s := &Record{}
	text := string(data) // one piece of memory for all that it says
	r := pack.FieldReader{Data: data}
	for r.Next() {
		if r.Tag == fieldTokens {
			s.sealedTokens = r.Blob()
			continue
		}
		if r.Tag >= uint64(len(recordFields)) || recordFields[r.Tag].at == nil {
			s.unknown = append(s.unknown, r.Raw...)
			continue
		}
		var n int64
		switch at := recordFields[r.Tag].at(s).(type) {
		case *string:
			*at = r.Str(text)
		case *[]string:
			*at = append(*at, r.Str(text))
		case *time.Time:
			r.Time(at)
		case *[]byte:
			*at = r.Blob()
		case *time.Duration:
			r.Num((*int64)(at))
		case *int:
			r.Num(&n)
			*at = int(n)
		case *Kind:
			if r.Num(&n); n < 0 || n > math.MaxUint8 {
				r.Err = fmt.Errorf("%w: kind %d", pack.ErrMalformed, n)
			}
			*at = Kind(n) //nolint:gosec // checked above
		case *flagSet:
			r.Num(&n)
			at.set(n)
		case *ID:
			if len(r.Value) != len(at) {
				r.Err = pack.ErrMalformed
			}
			copy(at[:], r.Value)
		case *[]DeviceKey:
			k, err := decodeKey(r.Value)
			if err != nil || len(*at)+1 >= MaxKeys {
				r.Err = pack.ErrMalformed
			}
			*at = append(*at, k)
		}
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return s, nil
}
