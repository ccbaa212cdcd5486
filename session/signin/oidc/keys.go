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
	// keysTTL is how long a provider's keys are used before they are fetched anew: a withdrawn key is trusted no
	// longer than this while the provider can be reached.
	keysTTL = 15 * time.Minute
	// keysForcedEvery bounds the fetches that an unknown key id may cause (A46): anybody can make up a key id.
	keysForcedEvery = 10 * time.Second
	// maxKeys bounds how many keys of a provider are looked at.
	maxKeys = 64
)

// signingAlgorithms are those accepted from a provider. None is symmetric: a shared secret would make every holder of
// it an issuer, and a public key passed off as one is the oldest trick there is.
var signingAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var errNoKey = errors.New("token is signed by no key of the provider")

// errKeysOld is errNoKey of keys that were fetched before the token was looked at, and may not be fetched anew yet.
var errKeysOld = fmt.Errorf("%w, as of some seconds ago", errNoKey)

// errKeysAway: the keys could not be fetched, which says nothing about a token.
var errKeysAway = errors.New("keys of the provider cannot be fetched")

// keySet is a provider's keys: fetched when first needed, anew when old, and on an unknown key id at most every ten
// seconds. When the provider cannot be reached the old keys go on being used. It implements oidc.KeySet.
//
// go-oidc has a key set of its own; it refetches for every token it cannot verify, without limit and without an end to
// the life of a key.
type keySet struct {
	url    func() string
	client *http.Client
	now    func() time.Time

	fetching sync.Mutex // one fetch at a time; a caller that has waited looks again first
	vain     vainWaits

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time // of the last success
	tried   time.Time // of the last try
}

// VerifySignature checks a token's signature and returns its payload. It looks at nothing in the payload.
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
		// The key may be one that the provider has published since the keys could last be fetched.
		return nil, fmt.Errorf("%w, and those known are none of the token's", errKeysAway)
	case tried.Before(began):
		return nil, errKeysOld
	}
	return nil, errNoKey
}

// patientKeys are the keys for tokens that the provider itself has just handed out. One that it signed with a key that it
// published a moment ago is worth waiting for: the code or the refresh token that it came for is spent. Tokens that
// anybody may send are not waited for, and where it was in vain nobody waits again for a while (A46).
type patientKeys struct{ *keySet }

// VerifySignature is that of the key set, once more when the keys may be fetched anew.
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

// vainWaits are the key ids whose keys did not come though they were waited for. One session's token then makes no other
// session's, with another id, go without the wait. The zero value is ready.
type vainWaits struct {
	mu sync.Mutex
	at map[string]time.Time
}

// maxVain bounds how many ids are kept in mind. Only tokens that the provider itself handed out get here.
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

// keyIDOf is the key id that a token names.
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

// current returns the keys, fetched anew if they are older than keysTTL. Old keys do if that fails.
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
		// One fetches. A key set that hangs costs no other caller anything.
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

// forced returns the keys after one more fetch, unless one was tried within keysForcedEvery.
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

// fetch gets the keys, once for all callers who saw the same state.
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

// parseKeys keeps the keys that may sign a token: public, of a kind we know, and not meant for encryption. A key that
// cannot be read is left out, as RFC 7517 section 5 wants; a set without a usable key is an error.
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

// withoutCertificate takes the certificate out of a key. Nothing here trusts a key for its certificate, and one that is
// wrong or cannot be read would make the key unreadable.
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
