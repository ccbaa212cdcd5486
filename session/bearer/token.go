package bearer

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/session"
)

// Token is what a verified access token says. It does not change, except that it counts its entries in the sign-in log.
type Token struct {
	// Session is what the token says of its user, in the form in which a site uses a session. It is in no store. Its ID is
	// made from the hash of the token, and names the token in logs.
	Session *session.Session
	// Client is the client to which the token was issued; empty if the token does not say it.
	Client string
	// Expires is when the token ends.
	Expires time.Time

	// thumbprint is the key to which the token is bound (RFC 9449, section 6.1); empty if it is bound to none.
	thumbprint string
	// lacksScope: the token is good and lacks a scope that the site demands.
	lacksScope bool
	// until is when the token must be verified again.
	until time.Time
	// own: the token is one of Latchkey. stamp and read say how fresh it is, see Own.
	own   bool
	stamp uint64
	read  time.Time
	// logged is when the last entry of the sign-in log was written, in nanoseconds since 1970.
	logged atomic.Int64
}

// MarshalLogObject implements zapcore.ObjectMarshaler. It names the token in the access log by its short hash.
func (t *Token) MarshalLogObject(to zapcore.ObjectEncoder) error {
	to.AddString("latchkey_token", t.Session.ID.Short())
	if t.Client != "" {
		to.AddString("latchkey_client", t.Client)
	}
	return nil
}

// Own reports whether the token is one that Latchkey has issued. It is good, and a client that is told otherwise would forget
// it, even if its user must do something first.
func (t *Token) Own() bool { return t.own }

// logEvery is how often a token is written into the sign-in log while it is used.
const logEvery = time.Hour

// LogDue reports whether a use of the token belongs into the sign-in log, and if so counts it as written.
func (t *Token) LogDue(now time.Time) bool {
	last := t.logged.Load()
	return (last == 0 || now.UnixNano()-last >= int64(logEvery)) && t.logged.CompareAndSwap(last, now.UnixNano())
}
