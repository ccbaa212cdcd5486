package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Vault keeps small sealed values of any kind in a store: records of sessions, pending sign-ins. Every value is sealed
// with the key ring and bound to its key, so that an attacker who can write to the store can neither read, change nor
// swap values. The attacker can delete a value, or restore what the same key had before; Vault does not prevent that.
type Vault struct {
	Store Store
	Keys  *keyring.Ring
}

// The largest value that a store accepts can decompress to four times its size. This line does not compile if package
// pack accepts less.
const _ = uint(pack.MaxUnpacked - 4*MaxValue)

// Put creates a value. Its errors are those of the store: ErrConflict if the key exists. It refuses a value that is too
// large for a store, or too large to be read back.
func (v Vault) Put(ctx context.Context, key Key, plain []byte, expires time.Time, in ...Listing) error {
	e, err := v.Entry(key, plain, expires)
	if err != nil {
		return err
	}
	return v.Store.Create(ctx, e, in...)
}

// Entry returns what Put writes, for a caller that writes it together with other things.
func (v Vault) Entry(key Key, plain []byte, expires time.Time) (Entry, error) {
	packed, err := pack.ShortLived(plain)
	if err != nil {
		return Entry{}, err
	}
	sealed, err := v.seal(key, packed, len(plain), MaxValue)
	return Entry{Key: key, Value: sealed, Expires: expires}, err
}

// Get returns a value and its version, or keyring.ErrUnsealable if no key of the ring has sealed the value for this
// key.
func (v Vault) Get(ctx context.Context, key Key) (plain []byte, version uint64, err error) {
	e, err := v.Store.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	plain, err = v.openValue(key, e.Value)
	return plain, e.Version, err
}

// PutKept is Put for a value that is kept for long: space matters more than time.
func (v Vault) PutKept(ctx context.Context, key Key, plain []byte, expires time.Time, in ...Listing) error {
	written, err := v.sealRecord(key, plain, 0, MaxValue)
	if err != nil {
		return err
	}
	return v.Store.Create(ctx, Entry{Key: key, Value: written.sealed, Expires: expires}, in...)
}

// Replace writes a value that is kept for long and whose version was read, and returns the new version; see
// Entries.Replace.
func (v Vault) Replace(ctx context.Context, key Key, plain []byte, version uint64, expires time.Time) (uint64, error) {
	version, _, err := v.replace(ctx, key, plain, 0, version, expires)
	return version, err
}

// replace writes a value whose version was read; see Entries.Replace. The last tail bytes are already sealed. It
// returns what it has written.
func (v Vault) replace(ctx context.Context, key Key, plain []byte, tail int, version uint64, expires time.Time) (uint64, sealedRecord, error) {
	written, err := v.sealRecord(key, plain, tail, MaxValue)
	if err != nil {
		return 0, sealedRecord{}, err
	}
	version, err = v.Store.Replace(ctx, Entry{Key: key, Value: written.sealed, Version: version, Expires: expires})
	return version, written, err
}

// Take removes a value and returns it. Exactly one of several callers gets it.
func (v Vault) Take(ctx context.Context, key Key) ([]byte, error) {
	e, err := v.Store.Remove(ctx, key)
	if err != nil {
		return nil, err
	}
	return v.openValue(key, e.Value)
}

// sealedRecord is a session's record in its stored form, and opened but still packed.
type sealedRecord struct{ sealed, packed []byte }

// sealRecord seals a record. Its last tail bytes are already sealed.
func (v Vault) sealRecord(key Key, plain []byte, tail, limit int) (sealedRecord, error) {
	packed, err := pack.Pack(plain, tail)
	if err != nil {
		return sealedRecord{}, err
	}
	sealed, err := v.seal(key, packed, len(plain), limit)
	return sealedRecord{sealed: sealed, packed: packed}, err
}

func (v Vault) seal(key Key, packed []byte, plain, limit int) ([]byte, error) {
	if size := len(packed) + keyring.SealOverhead; size > limit {
		return nil, fmt.Errorf("a value of %d bytes, %d when sealed, is too large to keep: at most %d", plain, size, limit)
	}
	return v.Keys.Seal(keyring.PurposeRecord, packed, string(key)), nil
}

func (v Vault) openValue(key Key, sealed []byte) ([]byte, error) {
	packed, err := v.openPacked(key, sealed)
	if err != nil {
		return nil, err
	}
	return pack.Unpack(packed)
}

func (v Vault) openPacked(key Key, sealed []byte) ([]byte, error) {
	return v.Keys.Open(keyring.PurposeRecord, sealed, string(key))
}

func (v Vault) sealTokens(t Tokens, secret Secret, key Key) ([]byte, error) {
	if t.empty() {
		return nil, nil
	}
	packed, err := pack.ShortLived(t.encode())
	if err != nil {
		return nil, fmt.Errorf("sealing tokens: %w", err)
	}
	sealed, err := v.Keys.SealWithSecret(secret[:], packed, string(key))
	if err != nil {
		return nil, fmt.Errorf("sealing tokens: %w", err)
	}
	return sealed, nil
}

// Tokens opens the provider's tokens of a session with the secret of its cookie.
func (v Vault) Tokens(s *Record, token Token) (Tokens, error) {
	return v.tokensAt(s, token, s.ID.Key())
}

func (v Vault) tokensAt(s *Record, token Token, place Key) (Tokens, error) {
	if len(s.sealedTokens) == 0 {
		return Tokens{}, nil
	}
	packed, err := v.Keys.OpenWithSecret(token.Secret[:], s.sealedTokens, string(place))
	if err != nil {
		return Tokens{}, fmt.Errorf("opening tokens: %w", err)
	}
	plain, err := pack.Unpack(packed)
	if err != nil {
		return Tokens{}, err
	}
	return decodeTokens(plain)
}

// SealedDraft is a record that is not a session yet, with the provider's tokens sealed under a secret and bound to a place
// in the store. It is immutable.
type SealedDraft struct{ record *Record }

// SealDraft makes one. It shares no memory with the record that it is made of, and says what ReadDraft will say.
func (v Vault) SealDraft(draft Record, tokens Tokens, secret Secret, place Key) (SealedDraft, error) {
	if err := draft.validDraft(); err != nil {
		return SealedDraft{}, err
	}
	kept := draft.clone()
	kept.roundTimes()
	var err error
	if kept.sealedTokens, err = v.sealTokens(tokens, secret, place); err != nil {
		return SealedDraft{}, err
	}
	return SealedDraft{kept}, nil
}

// Encode returns the bytes that ReadDraft reads.
func (d SealedDraft) Encode() []byte {
	plain, _ := d.record.encode()
	return plain
}

// Put writes a field with the bytes of Encode.
func (d SealedDraft) Put(w *pack.FieldWriter, tag uint64) {
	buf := encodings.Get().(*[]byte)
	defer encodings.Put(buf)
	*buf, _ = encodeTo((*buf)[:0], d.record)
	w.Put(tag, *buf)
}

// Record returns the draft without the tokens. The caller must not change what its fields refer to.
func (d SealedDraft) Record() Record {
	draft := *d.record
	draft.sealedTokens = nil
	return draft
}

// ReadDraft decodes a draft.
func ReadDraft(plain []byte) (SealedDraft, error) {
	draft, err := decodeDraft(plain)
	return SealedDraft{draft}, err
}

// DraftTokens opens the tokens of a draft.
func (v Vault) DraftTokens(d SealedDraft, secret Secret, place Key) (Tokens, error) {
	return v.tokensAt(d.record, Token{Secret: secret}, place)
}

// Tokens are the provider's tokens for later use. They never appear in a log or a page, and only Access in a header: of a request to an
// application that may have it.
type Tokens struct {
	// Refresh is the refresh token, empty if there is none.
	Refresh string
	// IDHeader and IDSignature are the parts of the ID token that Claims does not contain. With Claims they form the
	// id_token_hint of RP-initiated logout, without storing the payload twice.
	IDHeader, IDSignature []byte
	// ProofKey is the private key to which the tokens are bound (RFC 9449); nil if they are bound to none.
	ProofKey []byte
	// Access is the access token that applications get. It is kept only if a site of the configuration forwards it.
	// AccessFrom is when it was asked for, AccessEnds when it ends, both as the provider states it.
	Access                 string
	AccessFrom, AccessEnds time.Time
}

func (t Tokens) empty() bool {
	return t.Refresh == "" && len(t.IDHeader) == 0 && len(t.IDSignature) == 0 && t.Access == ""
}

const (
	// maxTokenMargin is the largest margin at the end of an access token: a request that gets it needs time to arrive. For
	// short tokens it is a tenth of their life. tokenRounding comes in addition, because providers round their times.
	maxTokenMargin = 5 * time.Second
	tokenRounding  = time.Second
	// renewBefore is how long before its end an access token is due, but at most a fifth of its life.
	renewBefore = time.Minute
)

// AccessUntil is until when an application can use the access token.
func (t *Tokens) AccessUntil() time.Time {
	life := t.AccessEnds.Sub(t.AccessFrom)
	return t.AccessEnds.Add(-min(maxTokenMargin, life/10) - tokenRounding)
}

// AccessGood reports whether there is an access token that an application can still use.
func (t *Tokens) AccessGood(now time.Time) bool { return t.Access != "" && now.Before(t.AccessUntil()) }

// AccessDue is when another access token is to be requested, while this one can still be used.
func (t *Tokens) AccessDue() time.Time {
	life := t.AccessUntil().Sub(t.AccessFrom)
	return t.AccessUntil().Add(-min(renewBefore, life/5))
}

// The fields of Tokens. A refresh or access token is one or more parts separated by dots. Each part is stored unchanged or, if it
// is base64url, decoded, which saves a quarter.
const (
	tokenIDHeader = iota + 2
	tokenIDSignature
	tokenPart
	tokenPartBytes
	tokenProofKey
	tokenAccess // parts, as of a refresh token
	tokenAccessBytes
	tokenAccessFrom
	tokenAccessEnds
)

// maxParts is up to how many parts are stored separately: a JWE has five.
const maxParts = 8

// tokensOverhead is more than tags and lengths take.
const tokensOverhead = 64

func (t Tokens) encode() []byte {
	w := pack.FieldWriter{Out: make([]byte, 0, len(t.Refresh)+len(t.Access)+len(t.IDHeader)+len(t.IDSignature)+len(t.ProofKey)+tokensOverhead)}
	putParts(&w, t.Refresh, tokenPart, tokenPartBytes)
	w.Bytes(tokenIDHeader, t.IDHeader)
	w.Bytes(tokenIDSignature, t.IDSignature)
	w.Bytes(tokenProofKey, t.ProofKey)
	if t.Access != "" {
		putParts(&w, t.Access, tokenAccess, tokenAccessBytes)
		w.Time(tokenAccessFrom, t.AccessFrom)
		w.Time(tokenAccessEnds, t.AccessEnds)
	}
	return w.Out
}

func putParts(w *pack.FieldWriter, token string, text, decoded uint64) {
	if token == "" {
		return
	}
	for _, part := range strings.SplitN(token, ".", maxParts) {
		// Strict accepts one spelling of each value, but for line ends.
		if b, err := base64.RawURLEncoding.Strict().DecodeString(part); err == nil && !strings.ContainsAny(part, "\r\n") {
			w.Put(decoded, b)
		} else {
			w.Put(text, []byte(part))
		}
	}
}

func decodeTokens(data []byte) (Tokens, error) {
	var t Tokens
	var refresh, access []string
	r := pack.FieldReader{Data: data}
	for r.Next() {
		switch r.Tag {
		case tokenPart:
			refresh = append(refresh, string(r.Value))
		case tokenPartBytes:
			refresh = append(refresh, base64.RawURLEncoding.EncodeToString(r.Value))
		case tokenAccess:
			access = append(access, string(r.Value))
		case tokenAccessBytes:
			access = append(access, base64.RawURLEncoding.EncodeToString(r.Value))
		case tokenAccessFrom:
			r.Time(&t.AccessFrom)
		case tokenAccessEnds:
			r.Time(&t.AccessEnds)
		case tokenIDHeader:
			t.IDHeader = bytes.Clone(r.Value)
		case tokenIDSignature:
			t.IDSignature = bytes.Clone(r.Value)
		case tokenProofKey:
			t.ProofKey = bytes.Clone(r.Value)
		}
	}
	t.Refresh, t.Access = strings.Join(refresh, "."), strings.Join(access, ".")
	return t, r.Err
}
