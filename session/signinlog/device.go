package signinlog

import (
	"strconv"

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
