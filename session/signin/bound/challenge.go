package bound

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// ChallengePrefix begins every challenge, so that a proof for the gateway can be told from one for the app.
const ChallengePrefix = "latchkey."

// purpose is what a challenge is for. A proof for one purpose proves nothing for another.
type purpose byte

const (
	toRegister purpose = 'r'
	toRefresh  purpose = 'f'
)

// challenge is what a browser must sign. It is sealed and nothing of it is stored, so every replica can check it.
type challenge struct {
	use purpose
	// whom is the ID of the session at registration, and the name of its key at a refresh.
	whom [16]byte
	// made and ends are when it was made, and until when it may be answered.
	made, ends time.Time
	// refusals is how many refusals in a row there were with this one.
	refusals uint8
}

const challengePlace = "challenge"

const challengeSize = 1 + 16 + 8 + 8 + 1

// seal returns the challenge for the browser. Two are never the same.
func (s *Binder) seal(v *access.Visit, c challenge) string {
	plain := make([]byte, 0, challengeSize)
	plain = append(append(plain, byte(c.use)), c.whom[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(c.made.UnixMilli())) //nolint:gosec // after 1970
	plain = binary.BigEndian.AppendUint64(plain, uint64(c.ends.UnixMilli())) //nolint:gosec // after 1970
	plain = append(plain, c.refusals)
	return ChallengePrefix + base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeBound, plain, v.Host, challengePlace))
}

// openChallenge reads a challenge that seal made for this host, whether it is still good or not.
func (s *Binder) openChallenge(v *access.Visit, text string) (c challenge, ok bool) {
	sealed, ok := unseal(text, ChallengePrefix, challengeSize)
	if !ok {
		return c, false
	}
	plain, err := s.Keys.Open(keyring.PurposeBound, sealed, v.Host, challengePlace)
	if err != nil {
		return c, false
	}
	c.use, c.whom, c.refusals = purpose(plain[0]), [16]byte(plain[1:17]), plain[33]
	c.made, c.ends = readTime(plain[17:]), readTime(plain[25:])
	return c, true
}

// good reports whether a challenge may be answered now.
func (c *challenge) good(p purpose, whom [16]byte, now time.Time) bool {
	return c.use == p && c.whom == whom && now.Before(c.ends) && !c.made.After(now.Add(skew))
}

// skew is how far the clocks of replicas may differ.
const skew = time.Minute

// unseal decodes what was sealed from exactly size bytes, and has exactly one spelling.
func unseal(text, prefix string, size int) ([]byte, bool) {
	text, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(keyring.SealOverhead+size) {
		return nil, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return sealed, err == nil && len(sealed) == keyring.SealOverhead+size
}

func readTime(b []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b))) //nolint:gosec // as written
}

// authorization proves at the registration that this browser was offered to bind this session. It is of use once,
// because a session takes one key for each place, and another one only in the place of the one that the offer names.
type authorization struct {
	token session.Token
	ends  time.Time
	// replaces names the key in whose place another may be registered; the zero value: there must be none yet.
	replaces session.KeyID
}

const (
	authorizationPlace = "authorization"
	authorizationSize  = 16 + 16 + 8 + 16
)

func (s *Binder) sealAuthorization(v *access.Visit, a authorization) string {
	plain := make([]byte, 0, authorizationSize)
	plain = append(append(plain, a.token.ID[:]...), a.token.Secret[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(a.ends.UnixMilli())) //nolint:gosec // after 1970
	plain = append(plain, a.replaces[:]...)
	return base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeBound, plain, v.Host, authorizationPlace))
}

func (s *Binder) openAuthorization(v *access.Visit, text string) (a authorization, ok bool) {
	sealed, ok := unseal(text, "", authorizationSize)
	if !ok {
		return a, false
	}
	plain, err := s.Keys.Open(keyring.PurposeBound, sealed, v.Host, authorizationPlace)
	if err != nil {
		return a, false
	}
	copy(a.token.ID[:], plain)
	copy(a.token.Secret[:], plain[16:])
	a.ends = readTime(plain[32:])
	copy(a.replaces[:], plain[40:])
	return a, s.Now().Before(a.ends)
}
