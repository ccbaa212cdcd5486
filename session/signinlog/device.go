package signinlog

import (
	"strconv"
	"strings"

	"go.uber.org/zap/zapcore"
)

// device is deviceDetail (L1): browser and system by the User-Agent, which a client can forge, and what the provider
// stated about the device.
type device struct {
	browser, system    string
	compliant, managed string
}

func (r *Record) device() device {
	browser, system := BrowserAndSystem(r.UserAgent)
	d := device{browser: browser, system: system}
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

// browsers are searched in this order: all except Firefox also name Safari or Chrome.
var browsers = []struct{ product, name string }{
	{"Edg/", "Edge"},
	{"EdgA/", "Edge"},
	{"EdgiOS/", "Edge"},
	{"OPR/", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Vivaldi/", "Vivaldi"},
	{"FxiOS/", "Firefox"},
	{"Firefox/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"HeadlessChrome/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Version/", "Safari"},
}

// systems are searched in this order in the first comment: Android also names Linux.
var systems = []struct{ word, name string }{
	{"Android", "Android"},
	{"iPhone", "iOS"},
	{"iPad", "iOS"},
	{"CrOS", "ChromeOS"},
	{"Windows", "Windows"},
	{"Macintosh", "macOS"},
	{"Linux", "Linux"},
}

// maxVersion is the largest number of digits of a version; only the part before the first dot is kept.
const maxVersion = 4

// BrowserAndSystem reads a User-Agent so that users recognise a browser: its name with the first number of its version,
// and the name of the system. Unknown parts are empty. No decision depends on it.
func BrowserAndSystem(agent string) (browser, system string) {
	for _, b := range browsers {
		_, rest, ok := strings.Cut(agent, b.product)
		if !ok || b.name == "Safari" && !strings.Contains(rest, "Safari/") {
			continue
		}
		browser = b.name
		if digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); digits > 0 && digits <= maxVersion {
			browser += " " + rest[:digits]
		}
		break
	}
	if _, comment, ok := strings.Cut(agent, "("); ok {
		comment, _, _ = strings.Cut(comment, ")")
		for _, s := range systems {
			if strings.Contains(comment, s.word) {
				return browser, s.name
			}
		}
	}
	return browser, ""
}
