package oidc

import (
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
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// keysTTL is how long a provider's keys are used before they are fetched again: while the provider can be reached,
	// a withdrawn key is trusted no longer than this.
	keysTTL = 15 * time.Minute
	// keysForcedEvery is the shortest interval between fetches that unknown key IDs cause (A46), because any client can
	// invent a key ID.
	keysForcedEvery = 10 * time.Second
	// maxKeys is how many keys of a provider are used at most.
	maxKeys = 64
)

// signingAlgorithms are the accepted algorithms. None is symmetric: with a shared secret every holder could issue
// tokens, and a public key could be misused as a secret.
var signingAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var errNoKey = errors.New("token is signed by no key of the provider")

// errKeysOld is errNoKey for keys that were fetched before the token was checked, and may not be fetched again yet.
var errKeysOld = fmt.Errorf("%w, as of some seconds ago", errNoKey)

// errKeysAway: the keys could not be fetched, which says nothing about a token.
var errKeysAway = errors.New("keys of the provider cannot be fetched")

// keySet contains a provider's keys. They are fetched when first needed, again when they are too old, and for an
// unknown key ID at most every ten seconds. While the provider cannot be reached the old keys are used. It implements
// oidc.KeySet.
//
// go-oidc's own key set fetches again for every token that it cannot verify, without limit, and never expires a key.
type keySet struct {
	url    func() string
	client *http.Client
	now    func() time.Time

	fetching sync.Mutex // one fetch at a time; a caller that has waited first checks again
	vain     vainWaits

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time // of the last success
	tried   time.Time // of the last attempt
}

// VerifySignature checks a token's signature and returns its payload. It does not check the payload.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, signingAlgorithms)
	if err != nil {
		return nil, fmt.Errorf("parsing token: %w", err)
	}
	if len(jws.Signatures) != 1 {
		return nil, errors.New("token does not have exactly one signature")
	}
	began := k.now()
	keys, err := k.current(ctx)
	if err != nil {
		return nil, err
	}
	if payload, ok := verifyAny(jws, keys); ok {
		return payload, nil
	}
	if keys, err = k.forced(ctx); err != nil {
		return nil, err
	}
	if payload, ok := verifyAny(jws, keys); ok {
		return payload, nil
	}
	switch _, fetched, tried := k.state(); {
	case tried.After(fetched):
		// The provider may have published the key after the last successful fetch.
		return nil, fmt.Errorf("%w, and those known are none of the token's", errKeysAway)
	case tried.Before(began):
		return nil, errKeysOld
	}
	return nil, errNoKey
}

// patientKeys are the keys for tokens that the provider itself has just issued. If the key was published a moment ago,
// it waits for it, because the code or the refresh token is used up. For tokens that any client may send it does not
// wait, and after waiting in vain for a key it does not wait again for a while (A46).
type patientKeys struct{ *keySet }

// VerifySignature calls the key set, and calls it again when the keys may be fetched again.
func (k patientKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.keySet.VerifySignature(ctx, token)
	id := keyIDOf(token)
	if !errors.Is(err, errKeysOld) || k.vain.lately(id, k.now()) {
		return payload, err
	}
	_, _, tried := k.state()
	if !retry.Sleep(ctx, keysForcedEvery-k.now().Sub(tried)) {
		return nil, err
	}
	if payload, err = k.keySet.VerifySignature(ctx, token); errors.Is(err, errNoKey) {
		k.vain.add(id, k.now())
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
	return known && now.Sub(at) < keysTTL
}

func (v *vainWaits) add(id string, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == nil {
		v.at = map[string]time.Time{}
	}
	maps.DeleteFunc(v.at, func(_ string, at time.Time) bool { return now.Sub(at) >= keysTTL })
	if len(v.at) < maxVain {
		v.at[id] = now
	}
}

// keyIDOf returns the key ID that a token names.
func keyIDOf(token string) string {
	jws, err := jose.ParseSignedCompact(token, signingAlgorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return ""
	}
	return jws.Signatures[0].Header.KeyID
}

func verifyAny(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	header := jws.Signatures[0].Header
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && key.KeyID != "" && key.KeyID != header.KeyID {
			continue
		}
		if key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// current returns the keys. If they are older than keysTTL it fetches them again; if that fails it returns the old
// ones.
func (k *keySet) current(ctx context.Context) ([]jose.JSONWebKey, error) {
	keys, fetched, tried := k.state()
	now := k.now()
	switch {
	case len(keys) > 0 && now.Sub(fetched) < keysTTL:
		return keys, nil
	case len(keys) > 0 && now.Sub(tried) < keysForcedEvery:
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

// forced returns the keys after one more fetch, unless there was an attempt within keysForcedEvery.
func (k *keySet) forced(ctx context.Context) ([]jose.JSONWebKey, error) {
	keys, fetched, tried := k.state()
	if k.now().Sub(tried) < keysForcedEvery {
		return keys, nil
	}
	return k.fetch(ctx, fetched)
}

func (k *keySet) state() (keys []jose.JSONWebKey, fetched, tried time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys, k.fetched, k.tried
}

// fetch fetches the keys, once for all callers that saw the same state.
func (k *keySet) fetch(ctx context.Context, seen time.Time) ([]jose.JSONWebKey, error) {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if keys, fetched, tried := k.state(); fetched.After(seen) {
		return keys, nil
	} else if k.now().Sub(tried) < time.Second {
		return nil, fmt.Errorf("%w: the last try has just failed", errKeysAway)
	}
	keys, err := k.download(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = k.now()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeysAway, err)
	}
	k.keys, k.fetched = keys, k.tried
	return keys, nil
}

func (k *keySet) download(ctx context.Context) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := k.client.Do(req)
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
