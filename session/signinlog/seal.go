package signinlog

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/internal/deflate"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// schema is the version of the sealed form: a record's JSON, deflated with a dictionary. The seal covers it, so that
// one version cannot be read as another.
const schema = "1"

// maxText limits the inflated size of a stored record. Records are sealed by Latchkey itself, so the limit protects
// against bugs.
const maxText = 4 * session.MaxValue

var errUnreadable = errors.New("not a record of the sign-in log")

// dictionary contains what most records have in common, the most frequent last. A change makes stored records
// unreadable: it belongs to the schema.
var dictionary = []byte(`"enforcedGrantControls":["enforcedSessionControls":["sessionLifetimePolicies":[{"expirationRequirement":"` +
	`"result":"reportOnlyNotApplied"},{"displayName":"","result":"failure"nonInteractiveUser"additionalDetails":"` +
	`"status":{"errorCode":50140,"failureReason":"This error occurred due to \"Keep me signed in\" interrupt when the user was signing in."}}` +
	`"appliedConditionalAccessPolicies":[{"displayName":"","result":"notApplied"},{"displayName":"","result":"success"` +
	`{"id":"","createdDateTime":"2026-01-01T00:00:00.000Z","correlationId":"","sessionId":"","userId":"https://login.microsoftonline.com/` +
	`/v2.0#","userType":"member","userPrincipalName":"@example.com","appDisplayName":"","provider":"default","ipAddress":"10.0.0.1",` +
	`"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",` +
	`"clientAppUsed":"Browser","isInteractive":true,"signInEventTypes":["interactiveUser"],"conditionalAccessStatus":"notApplied",` +
	`"signInStatus":"success","promptReason":"answered_yes","status":{"errorCode":0}}`)

var deflated = deflate.NewDictionary(string(dictionary))

var inflaters = sync.Pool{New: func() any { return flate.NewReaderDict(bytes.NewReader(nil), dictionary) }}

// seal returns a record in the form in which a journal keeps it. The seal binds it to its stream: a record that was
// moved to another stream does not open. An attacker who can write to the store can still remove entries, or repeat
// them within their stream.
func (l *Log) seal(stream string, r Record) ([]byte, error) {
	buf, err := jsonEncoder.EncodeEntry(zapcore.Entry{}, []zapcore.Field{zap.Inline(stored{&r})})
	if err != nil {
		return nil, err
	}
	defer buf.Free()
	text := buf.Bytes()
	packed := deflated.Append(make([]byte, 0, len(text)), text)
	if size := len(packed) + keyring.SealOverhead; size > session.MaxValue || len(text) > maxText {
		return nil, fmt.Errorf("a record of %d bytes is too large to keep", len(text))
	}
	return l.Keys.Seal(keyring.PurposeJournal, packed, stream, schema), nil
}

// stored is a record as the store keeps it.
type stored struct{ *Record }

// MarshalLogObject writes the record without what can be told from the rest of it.
func (s stored) MarshalLogObject(e zapcore.ObjectEncoder) error { return s.write(e, s.stored()) }

// open is the reverse of seal.
func (l *Log) open(stream string, sealed []byte) (e Entry, err error) {
	packed, err := l.Keys.Open(keyring.PurposeJournal, sealed, stream, schema)
	if err != nil {
		return e, err
	}
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(packed), dictionary); err != nil {
		return e, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return e, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if len(text) > maxText {
		return e, errUnreadable
	}
	if err = e.UnmarshalJSON(text); err == nil {
		e.text = withDevice(e.text, e.device())
	}
	return e, err
}
