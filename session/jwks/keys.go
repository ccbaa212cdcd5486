package jwks

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// TTL is how long a provider's keys are used before they are fetched again: while the provider can be reached,
	// a withdrawn key is trusted no longer than this.
	TTL = 15 * time.Minute
	// DefaultForcedEvery is the shortest interval between fetches that unknown key IDs cause (A46), because any client can
	// invent a key ID.
	DefaultForcedEvery = 10 * time.Second
	// maxKeys is how many keys of a provider are used at most.
	maxKeys = 64
)

// Algorithms are the accepted algorithms. None is symmetric: with a shared secret every holder could issue
// tokens, and a public key could be misused as a secret.
var Algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var ErrNoKey = errors.New("token is signed by no key of the provider")

// ErrOld is ErrNoKey for keys that were fetched before the token was checked, and may not be fetched again yet.
var ErrOld = fmt.Errorf("%w, as of some seconds ago", ErrNoKey)

// ErrMisfit is ErrOld for a token that names the ID of a known key, which did not sign it. A caller need not wait for keys
// if it trusts its provider to give a new key a new ID.
var ErrMisfit = fmt.Errorf("%w, and the key that it names does not fit", ErrOld)

// ErrAway: the keys could not be fetched, which says nothing about a token.
var ErrAway = errors.New("keys of the provider cannot be fetched")

// Set contains a provider's keys. They are fetched when first needed, again when they are too old, and for an
// unknown key ID at most every ten seconds. While the provider cannot be reached the old keys are used. It implements
// oidc.KeySet.
//
// go-oidc's own key set fetches again for every token that it cannot verify, without limit, and never expires a key.
type Set struct {
	// URL returns where the keys are. It is called before each fetch.
	URL func(context.Context) (string, error)
	// Client fetches them. It must limit the time and the size of an answer.
	Client *http.Client
	Now    func() time.Time
	// ForcedEvery is the shortest interval between fetches that unknown key IDs cause. Zero: DefaultForcedEvery.
	ForcedEvery time.Duration

	fetching sync.Mutex // one fetch at a time; a caller that has waited first checks again
	vain     vainWaits

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	known   map[string]header // what tokens begin with, see token.go
	fetched time.Time         // of the last success
	tried   time.Time         // of the last attempt
}

// VerifySignature checks a token's signature and returns its payload. It does not check the payload.
func (k *Set) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	t, err := k.read(token)
	if err != nil {
		return nil, err
	}
	began := k.Now()
	keys, err := k.Current(ctx)
	if err != nil {
		return nil, err
	}
	if payload, ok := k.verifyAny(t, keys); ok {
		return payload, nil
	}
	before := keys
	if keys, err = k.forced(ctx); err != nil {
		return nil, err
	}
	if !same(before, keys) { // a signature that does not fit costs as much to check as one that does
		if payload, ok := k.verifyAny(t, keys); ok {
			return payload, nil
		}
	}
	switch _, fetched, tried := k.state(); {
	case tried.After(fetched):
		// The provider may have published the key after the last successful fetch.
		return nil, fmt.Errorf("%w, and those known are none of the token's", ErrAway)
	case tried.Before(began) && names(t.keyID, keys):
		return nil, ErrMisfit
	case tried.Before(began):
		return nil, ErrOld
	}
	return nil, ErrNoKey
}

// Patient are the keys for tokens that the provider itself has just issued. If the key was published a moment ago,
// it waits for it, because the code or the refresh token is used up. For tokens that any client may send it does not
// wait, and after waiting in vain for a key it does not wait again for a while (A46).
type Patient struct{ *Set }

// VerifySignature calls the key set, and calls it again when the keys may be fetched again.
func (k Patient) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.Set.VerifySignature(ctx, token)
	if !errors.Is(err, ErrOld) {
		return payload, err
	}
	id := keyIDOf(token)
	if k.vain.lately(id, k.Now()) {
		return payload, err
	}
	_, _, tried := k.state()
	if !retry.Sleep(ctx, k.forcedEvery()-k.Now().Sub(tried)) {
		return nil, err
	}
	if payload, err = k.Set.VerifySignature(ctx, token); errors.Is(err, ErrNoKey) {
		k.vain.add(id, k.Now())
	}
	return payload, err
}

// vainWaits contains the key IDs for which waiting was in vain. One session's token thus does not prevent the wait for
// another session's token with another ID. The zero value is ready to use.
type vainWaits struct {
	mu sync.Mutex
	at map[string]time.Time
}

// maxVain is the largest number of remembered IDs. Only tokens that the provider itself issued get here.
const maxVain = 16

func (v *vainWaits) lately(id string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, known := v.at[id]
	return known && now.Sub(at) < TTL
}

func (v *vainWaits) add(id string, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == nil {
		v.at = map[string]time.Time{}
	}
	maps.DeleteFunc(v.at, func(_ string, at time.Time) bool { return now.Sub(at) >= TTL })
	if len(v.at) < maxVain {
		v.at[id] = now
	}
}

// keyIDOf returns the key ID that a token names.
func keyIDOf(token string) string {
	jws, err := jose.ParseSignedCompact(token, Algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return ""
	}
	return jws.Signatures[0].Header.KeyID
}

// same reports whether nothing was fetched between two states of the keys: each fetch makes a new list.
func same(a, b []jose.JSONWebKey) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// names reports whether one of the keys has the ID that a token names.
func names(id string, keys []jose.JSONWebKey) bool {
	return id != "" && slices.ContainsFunc(keys, func(key jose.JSONWebKey) bool { return key.KeyID == id })
}

// Current returns the keys. If they are older than TTL it fetches them again; if that fails it returns the old
// ones.
func (k *Set) Current(ctx context.Context) ([]jose.JSONWebKey, error) {
	keys, fetched, tried := k.state()
	now := k.Now()
	switch {
	case len(keys) > 0 && now.Sub(fetched) < TTL:
		return keys, nil
	case len(keys) > 0 && now.Sub(tried) < k.forcedEvery():
		return keys, nil
	}
	if len(keys) > 0 {
		// One caller fetches. A key endpoint that hangs delays no other caller.
		if !k.fetching.TryLock() {
			return keys, nil
		}
		k.fetching.Unlock()
	}
	fresh, err := k.fetch(ctx, fetched)
	if err != nil && len(keys) > 0 {
		return keys, nil
	}
	return fresh, err
}

// forced returns the keys after one more fetch, unless there was an attempt within DefaultForcedEvery.
func (k *Set) forced(ctx context.Context) ([]jose.JSONWebKey, error) {
	keys, fetched, tried := k.state()
	if k.Now().Sub(tried) < k.forcedEvery() {
		return keys, nil
	}
	return k.fetch(ctx, fetched)
}

func (k *Set) forcedEvery() time.Duration { return cmp.Or(k.ForcedEvery, DefaultForcedEvery) }

// Fetched returns when the keys were last fetched; zero if never.
func (k *Set) Fetched() time.Time {
	_, fetched, _ := k.state()
	return fetched
}

func (k *Set) state() (keys []jose.JSONWebKey, fetched, tried time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys, k.fetched, k.tried
}

// fetch fetches the keys, once for all callers that saw the same state.
func (k *Set) fetch(ctx context.Context, seen time.Time) ([]jose.JSONWebKey, error) {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if keys, fetched, tried := k.state(); fetched.After(seen) {
		return keys, nil
	} else if k.Now().Sub(tried) < time.Second {
		return nil, fmt.Errorf("%w: the last try has just failed", ErrAway)
	}
	keys, err := k.download(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = k.Now()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	k.keys, k.fetched = keys, k.tried
	return keys, nil
}

func (k *Set) download(ctx context.Context) ([]jose.JSONWebKey, error) {
	at, err := k.URL(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := k.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return parseKeys(body)
}

// parseKeys returns the keys that may sign a token: public, of a known kind, and not for encryption. A key that cannot
// be parsed is skipped, as RFC 7517 section 5 recommends; a set without a usable key is an error.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("reading key set: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(withoutCertificate(raw)); err != nil || (key.Use != "" && key.Use != "sig") {
			continue
		}
		switch pub := key.Key.(type) {
		case *rsa.PublicKey:
			if pub.N.BitLen() < 2048 {
				continue
			}
		case *ecdsa.PublicKey, ed25519.PublicKey:
		default:
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("key set holds no usable key")
	}
	return keys, nil
}

// withoutCertificate removes the certificate from a key. No key is trusted for its certificate, and an invalid one
// would make the key unreadable.
func withoutCertificate(raw json.RawMessage) []byte {
	var key map[string]json.RawMessage
	if json.Unmarshal(raw, &key) != nil {
		return raw
	}
	for _, member := range []string{"x5c", "x5t", "x5t#S256", "x5u"} { // RFC 7517, sections 4.6 to 4.9
		delete(key, member)
	}
	bare, err := json.Marshal(key)
	if err != nil {
		return raw
	}
	return bare
}
