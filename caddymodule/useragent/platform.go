package useragent

import (
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/agentname"
)

// Platform returns the operating system that the headers of a request name: from Sec-CH-UA-Platform if the browser
// sends it, else from the User-Agent.
//
// Safari on an iPad names a Macintosh unless the user requests the mobile version of a page; it counts as macOS.
// ChromeOS, BSD, and televisions and consoles with their own systems are unknown, as are programs that name only
// themselves.
func Platform(h http.Header) policy.Platform {
	if hints := h["Sec-Ch-Ua-Platform"]; len(hints) > 0 {
		if len(hints) > 1 {
			return policy.PlatformUnknown
		}
		return hinted(hints[0])
	}
	if agents := h["User-Agent"]; len(agents) == 1 {
		return named(agents[0])
	}
	return policy.PlatformUnknown
}

// hinted parses a client hint: a quoted string (RFC 9651, section 3.3.3).
// https://wicg.github.io/ua-client-hints/#sec-ch-ua-platform
func hinted(hint string) policy.Platform {
	switch strings.Trim(hint, " ") {
	case `"Android"`:
		return policy.Android
	case `"iOS"`:
		return policy.IOS
	case `"Windows"`:
		return policy.Windows
	case `"macOS"`:
		return policy.MacOS
	case `"Linux"`:
		return policy.Linux
	}
	return policy.PlatformUnknown
}

// named parses the first comment of a User-Agent (RFC 9110, section 10.1.5), in which browsers and most apps name the
// system: "Mozilla/5.0 (Linux; Android 14; Pixel 8) ...". The rest contains names of engines, and text that apps can
// choose.
func named(agent string) policy.Platform {
	comment, ok := agentname.Comment(agent)
	if !ok {
		return policy.PlatformUnknown
	}
	found := policy.PlatformUnknown
	for part := range strings.SplitSeq(comment, ";") {
		part = strings.TrimSpace(part)
		if another(part) {
			return policy.PlatformUnknown
		}
		// Systems derived from another one name that one too: "Linux; Android 14", "iPhone; CPU iPhone OS 17_0 like Mac
		// OS X".
		switch p := system(part); {
		case p == policy.PlatformUnknown || p == found:
		case found == policy.PlatformUnknown || found == policy.Linux && p == policy.Android:
			found = p
		case found == policy.Android && p == policy.Linux:
		default:
			return policy.PlatformUnknown
		}
	}
	return found
}

// system parses one part of the comment.
func system(part string) policy.Platform {
	name, _, _ := strings.Cut(part, " ")
	switch name {
	case "iPhone", "iPad", "iPod":
		return policy.IOS
	case "Android":
		return policy.Android
	case "Windows":
		return policy.Windows
	case "Macintosh":
		return policy.MacOS
	case "Linux":
		return policy.Linux
	}
	return policy.PlatformUnknown
}

// another reports whether a part names a system that also uses the name of a known one.
func another(part string) bool {
	for _, prefix := range []string{"Windows Phone", "Tizen", "Web0S", "CrOS", "HarmonyOS", "OpenHarmony", "Xbox"} {
		if strings.HasPrefix(part, prefix) {
			return true
		}
	}
	return false
}
