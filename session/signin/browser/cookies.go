package browser

import (
	"net/http"
	"strings"
	"time"
)

// The cookies, by their names without the prefix. On https the prefix is __Host-: the browser then refuses such a
// cookie from any other host, path or plain connection.
const (
	SessionCookie = "latchkey"
	HostPrefix    = "__Host-"
	FlowCookie    = SessionCookie + "-flow-"
	PendingCookie = SessionCookie + "-pending"
	AnswerCookie  = SessionCookie + "-answer"
	IDCookie      = SessionCookie + "-browser"

	ProviderCookie = SessionCookie + "-provider"
	FormCookie     = SessionCookie + "-form"
	OwnerCookie    = SessionCookie + "-owner-"
	// BoundCookie is the short cookie of a session that is bound to a device.
	BoundCookie = SessionCookie + "-bound"
	// SiteBoundCookie is the short cookie of a session that is bound for all hosts of a site. It has a Domain, so that
	// its whole name differs; it exists on https only.
	SiteBoundCookie = securePrefix + BoundCookie

	securePrefix = "__Secure-"
)

// FlowNameSize is the length of the part after FlowCookie.
const FlowNameSize = 8

// MaxCookieValue is the longest value of a Latchkey cookie that is read.
const MaxCookieValue = 4096

// Cookies are Latchkey's cookies of a request. They are read before they are removed from the request, so no upstream
// sees them.
type Cookies struct {
	Session, Bound, SiteBound, Pending, Answer, Browser, Provider, Form string

	Flows []NamedValue
	// Doubled: the session cookie was sent twice. A browser never sends two __Host- cookies with the same name, so
	// neither counts (A60).
	Doubled bool
	// Lines are the original headers and secure says how they were read, for cookies that only few sites use.
	Lines  []string
	secure bool
}

// Value returns a Latchkey cookie that has no field here, by its name without prefix. It is empty if the cookie was
// sent twice, which a browser never does.
func (c *Cookies) Value(base string) (value string) {
	name := cookieName(base, c.secure)
	for _, line := range c.Lines {
		for part := range strings.SplitSeq(line, ";") {
			found, v, _ := strings.Cut(strings.Trim(part, " \t"), "=")
			if found != name {
				continue
			}
			if value != "" || len(v) > MaxCookieValue {
				return ""
			}
			value = v
		}
	}
	return value
}

// NamedValue is a flow cookie: its name without the prefix, and its value.
type NamedValue struct{ Name, Value string }

// maxFlowsRead is how many flow cookies of a request are read; a browser has at most maxFlows.
const maxFlowsRead = 16

// ReadCookies finds Latchkey's cookies in the Cookie headers of a request. secure selects the names: with the prefix,
// or without it for http on a loopback host.
func ReadCookies(lines []string, secure bool) Cookies {
	c := Cookies{Lines: lines, secure: secure}
	for _, line := range lines {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			// Only spaces and tabs: a browser lets any neighbouring host set a cookie whose name begins with another
			// kind of space.
			part = strings.Trim(part, " \t")
			if secure {
				var ours bool
				if part, ours = strings.CutPrefix(part, HostPrefix); !ours {
					if value, ours := strings.CutPrefix(part, SiteBoundCookie+"="); ours && len(value) <= MaxCookieValue {
						c.SiteBound = value // the last one: any host of the site can set one for a longer path, which comes first
					}
					continue
				}
			}
			rest, ours := strings.CutPrefix(part, SessionCookie)
			if !ours {
				continue
			}
			suffix, value, ok := strings.Cut(rest, "=")
			if !ok || len(value) > MaxCookieValue {
				continue
			}
			c.add(SessionCookie+suffix, value)
		}
	}
	return c
}

func (c *Cookies) add(name, value string) {
	switch name {
	case SessionCookie:
		c.Doubled = c.Doubled || c.Session != ""
		c.Session = value
	case BoundCookie:
		c.Bound = value
	case PendingCookie:
		c.Pending = value
	case AnswerCookie:
		c.Answer = value
	case IDCookie:
		c.Browser = value
	case FormCookie:
		c.Form = value
	case ProviderCookie:
		c.Provider = value
	default:
		if flow, ok := strings.CutPrefix(name, FlowCookie); ok && len(flow) == FlowNameSize && len(c.Flows) < maxFlowsRead {
			c.Flows = append(c.Flows, NamedValue{Name: flow, Value: value})
		}
	}
}

// Flow returns the value of the flow cookie with this name, empty if there is none.
func (c *Cookies) Flow(name string) string {
	for _, f := range c.Flows {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// HasForm reports whether the browser may have a form that was kept during a sign-in.
func (c *Cookies) HasForm() bool { return c.Form != "" }

// cookieName returns the name of a cookie on this connection.
func cookieName(base string, secure bool) string {
	if secure {
		return HostPrefix + base
	}
	return base
}

// SetCookie writes a cookie. With a lifetime of zero it ends with the browser.
func SetCookie(w http.ResponseWriter, secure bool, base, value string, lifetime time.Duration) {
	c := cookie(secure, base, value)
	if lifetime > 0 {
		c.MaxAge = max(1, int(lifetime/time.Second))
	}
	http.SetCookie(w, c)
}

// ClearCookie deletes a cookie. It uses the same name, path, Secure, HttpOnly and SameSite as when the cookie was set;
// otherwise a browser keeps a __Host- cookie (A73).
func ClearCookie(w http.ResponseWriter, secure bool, base string) {
	c := cookie(secure, base, "")
	c.MaxAge = -1
	c.Expires = time.Unix(1, 0)
	http.SetCookie(w, c)
}

// SetSiteBound writes the short cookie for all hosts of a site.
func SetSiteBound(w http.ResponseWriter, site, value string, lifetime time.Duration) {
	c := siteBound(site, value)
	c.MaxAge = max(1, int(lifetime/time.Second))
	http.SetCookie(w, c)
}

// ClearSiteBound deletes what SetSiteBound has set.
func ClearSiteBound(w http.ResponseWriter, site string) {
	c := siteBound(site, "")
	c.MaxAge = -1
	c.Expires = time.Unix(1, 0)
	http.SetCookie(w, c)
}

func siteBound(site, value string) *http.Cookie {
	c := cookie(true, BoundCookie, value)
	c.Name, c.Domain = SiteBoundCookie, site
	return c
}

func cookie(secure bool, base, value string) *http.Cookie {
	return &http.Cookie{
		Name:     cookieName(base, secure),
		Value:    value,
		Path:     "/",
		Secure:   secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}
