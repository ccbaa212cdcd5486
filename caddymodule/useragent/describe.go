package useragent

import "strings"

// Words name what a User-Agent names, for people to recognise a browser of theirs by. Each is empty where it is not
// plainly there.
type Words struct {
	// Browser is the name that people know: "Firefox". System is that of the operating system, or of the device where
	// people call it by that: "Windows", "iPhone".
	Browser, System string
	// Kind is computer, phone or tablet.
	Kind string
}

// browsers are the product tokens of browsers (RFC 9110, section 10.1.5). Most name another one, too, to be taken for it:
// the first that is found counts.
var browsers = []struct{ token, name string }{
	{"Edg/", "Edge"},
	{"EdgA/", "Edge"},
	{"EdgiOS/", "Edge"},
	{"OPR/", "Opera"},
	{"OPT/", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Vivaldi/", "Vivaldi"},
	{"YaBrowser/", "Yandex Browser"},
	{"DuckDuckGo/", "DuckDuckGo"},
	{"Ddg/", "DuckDuckGo"},
	{"FxiOS/", "Firefox"},
	{"Firefox/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Version/", "Safari"}, // with Safari/, which all of the above have as well
}

// Describe reads a User-Agent. It is for people's eyes: nothing may depend on it.
func Describe(agent string) Words {
	agent = agent[:min(len(agent), maxSize)]
	var w Words
	w.System, w.Kind = device(agent)
	for _, b := range browsers {
		// A name of a product begins a word.
		if strings.Contains(agent, " "+b.token) || strings.HasPrefix(agent, b.token) {
			if b.name != "Safari" || strings.Contains(agent, " Safari/") {
				w.Browser = b.name
			}
			break
		}
	}
	return w
}

// device reads the first comment, as Platform does, but takes the device's name where it has one that people use.
func device(agent string) (system, kind string) {
	_, comment, _ := strings.Cut(agent, "(")
	comment, _, _ = strings.Cut(comment, ")")
	mobile := strings.Contains(agent, " Mobile")
	for part := range strings.SplitSeq(comment, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		switch name {
		case "iPhone", "iPod":
			return name, "phone"
		case "iPad":
			return name, "tablet"
		case "Macintosh":
			return "Mac", "computer"
		case "CrOS":
			return "ChromeOS", "computer"
		case "Android":
			if mobile {
				return name, "phone"
			}
			return name, "tablet"
		case "Windows":
			system, kind = name, "computer"
		case "Linux", "FreeBSD", "OpenBSD":
			system, kind = name, "computer"
		}
	}
	return system, kind
}
