package signinlog

import (
	"bytes"
	"slices"
	"strconv"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/session/agentname"
)

// device is deviceDetail (L1): browser and system by the User-Agent, which a client can forge, and what the provider
// stated about the device.
type device struct {
	browser, system    string
	compliant, managed string
}

func (r *Record) device() device {
	names := agentname.Of(r.UserAgent)
	d := device{browser: names.Browser, system: names.System}
	if known(r.Compliant) {
		d.compliant = r.Compliant
	}
	if known(r.Managed) {
		d.managed = r.Managed
	}
	return d
}

// stored is the device as the store keeps it: what the User-Agent says of it stands in the User-Agent.
func (r *Record) stored() device {
	if known(r.Compliant) || known(r.Managed) {
		return r.device()
	}
	return device{}
}

// afterDevice are the fields that follow deviceDetail; the last one is in every record.
var afterDevice = [][]byte{[]byte(`,"boundTo":`), []byte(`,"riskLevelDuringSignIn":`), []byte(`,"riskLevelAggregated":`), []byte(`,"isInteractive":`)}

// withDevice adds deviceDetail to the text of a stored record that has none, in its place. A comma before a quote that is not escaped is between
// two fields, so no value of a field can be taken for one of these.
func withDevice(text []byte, d device) []byte {
	if d.empty() || bytes.Contains(text, []byte(`,"deviceDetail":`)) {
		return text
	}
	for _, field := range afterDevice {
		at := bytes.Index(text, field)
		if at < 0 {
			continue
		}
		buf, err := jsonEncoder.EncodeEntry(zapcore.Entry{}, []zapcore.Field{zap.Inline(d.field())})
		if err != nil {
			return text
		}
		defer buf.Free()
		detail := buf.Bytes()[1 : buf.Len()-1] // without the braces
		return slices.Concat(text[:at], []byte(","), detail, text[at:])
	}
	return text
}

// field is the device as a field of a record.
func (d device) field() zapcore.ObjectMarshaler {
	return zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error { return e.AddObject("deviceDetail", d) })
}

func (d device) empty() bool { return d == device{} }

// MarshalLogObject writes the device. Unknown facts are omitted.
func (d device) MarshalLogObject(e zapcore.ObjectEncoder) error {
	addString(e, "operatingSystem", d.system)
	addString(e, "browser", d.browser)
	addBool(e, "isCompliant", d.compliant)
	addBool(e, "isManaged", d.managed)
	return nil
}

func known(value string) bool { return value == "true" || value == "false" }

// word is what addBool wrote.
func word(said *bool) string {
	if said == nil {
		return ""
	}
	return strconv.FormatBool(*said)
}

func addBool(e zapcore.ObjectEncoder, key, value string) {
	if known(value) {
		e.AddBool(key, value == "true")
	}
}
