package browser

import (
	"net/http"
	"strings"
	"time"
)

// The cookies, by the part of their names after the prefix. On https the names begin with __Host-, which makes the
// browser refuse them from any other host, path or plain connection.
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
)

// FlowNameSize is the length of what follows FlowCookie.
const FlowNameSize = 8

// MaxCookieValue bounds the value of any cookie of ours that is looked at.
const MaxCookieValue = 4096

// Cookies are ours among the cookies of a request. They are read before they are taken off the request: no upstream
// ever sees one.
type Cookies struct {
	Session, Pending, Answer, Browser, Provider, Form string

	Flows []NamedValue
	// Doubled: the session cookie came twice. A browser never sends two of one __Host- name, so neither counts (A60).
	Doubled bool
	// Lines are the headers as they came, and secure is how they were read: for the cookies that only few sites have.
	Lines  []string
	secure bool
}

// Value is that of a cookie of ours that has no field of its own, by its name without prefix. It is empty for one that
// comes twice, as a browser never sends it.
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

// NamedValue is a flow cookie: the name without its prefix, and the value.
type NamedValue struct{ Name, Value string }

// maxFlowsRead bounds how many flow cookies of a request are looked at; a browser of ours holds at most maxFlows.
const maxFlowsRead = 16

// ReadCookies finds our cookies in the Cookie headers of a request. secure tells by which names: with the prefix, or plain for http on a loopback host.
func ReadCookies(lines []string, secure bool) Cookies {
	c := Cookies{Lines: lines, secure: secure}
	for _, line := range lines {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			// Blanks and nothing else: a browser lets any neighbouring host set what begins with another kind of space.
			part = strings.Trim(part, " \t")
			if secure {
				var ours bool
				if part, ours = strings.CutPrefix(part, HostPrefix); !ours {
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

// Flow is the value of the flow cookie of this name, empty if there is none.
func (c *Cookies) Flow(name string) string {
	for _, f := range c.Flows {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// HasForm reports whether a browser may have a form waiting, which is kept through a sign-in.
func (c *Cookies) HasForm() bool { return c.Form != "" }

// cookieName returns the name that a cookie has on this connection.
func cookieName(base string, secure bool) string {
	if secure {
		return HostPrefix + base
	}
	return base
}

// SetCookie writes a cookie. A lifetime of zero makes it end with the browser.
func SetCookie(w http.ResponseWriter, secure bool, base, value string, lifetime time.Duration) {
	c := cookie(secure, base, value)
	if lifetime > 0 {
		c.MaxAge = max(1, int(lifetime/time.Second))
	}
	http.SetCookie(w, c)
}

// ClearCookie deletes a cookie: the same name, path, Secure, HttpOnly and SameSite as when it was made, else a browser
// keeps a __Host- cookie (A73).
func ClearCookie(w http.ResponseWriter, secure bool, base string) {
	c := cookie(secure, base, "")
	c.MaxAge = -1
	c.Expires = time.Unix(1, 0)
	http.SetCookie(w, c)
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
