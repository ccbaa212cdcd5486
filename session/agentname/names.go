package agentname

import "strings"

// Names are what users recognise a browser by. What is not known is empty.
type Names struct {
	// Browser is the browser with the first number of its version, such as "Firefox 133".
	Browser string
	// System is the operating system, such as "macOS".
	System string
	// Form is computer, phone or tablet.
	Form string
}

// Of reads a User-Agent.
func Of(agent string) Names {
	comment, _ := Comment(agent)
	return Names{Browser: browser(agent), System: system(comment), Form: form(agent, comment)}
}

// maxRead is the number of bytes of a User-Agent in which its comment may end.
const maxRead = 1024

// Comment returns the first comment of a User-Agent (RFC 9110, section 10.1.5): what stands between the first pair of
// parentheses. Browsers name the system there. ok is false if there is none or if it has no end; the text is then what
// follows the parenthesis.
func Comment(agent string) (comment string, ok bool) {
	agent = agent[:min(len(agent), maxRead)]
	_, comment, begins := strings.Cut(agent, "(")
	comment, _, ends := strings.Cut(comment, ")")
	return comment, begins && ends
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

// maxVersion is the largest number of digits of a version; only the part before the first dot is kept.
const maxVersion = 4

func browser(agent string) string {
	for _, b := range browsers {
		_, rest, ok := strings.Cut(agent, b.product)
		if !ok || b.name == "Safari" && !strings.Contains(rest, "Safari/") {
			continue
		}
		if digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); digits > 0 && digits <= maxVersion {
			return b.name + " " + rest[:digits]
		}
		return b.name
	}
	return ""
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

func system(comment string) string {
	for _, s := range systems {
		if strings.Contains(comment, s.word) {
			return s.name
		}
	}
	return ""
}

func form(agent, comment string) string {
	form := ""
	for part := range strings.SplitSeq(comment, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		switch name {
		case "iPhone", "iPod":
			return "phone"
		case "iPad":
			return "tablet"
		case "Android": // it also says Linux, before Android
			if strings.Contains(agent, " Mobile") {
				return "phone"
			}
			return "tablet"
		case "Windows", "Macintosh", "Linux", "CrOS", "FreeBSD", "OpenBSD":
			form = "computer"
		}
	}
	return form
}
