package signin

import (
	"net/http"
	"strings"
	"time"
)

// The cookies, by the part of their names after the prefix. On https the names begin with __Host-, which makes the
// browser refuse them from any other host, path or plain connection.
const (
	cookieBase    = "latchkey"
	hostPrefix    = "__Host-"
	cookieFlow    = cookieBase + "-flow-"
	cookiePending = cookieBase + "-pending"
	cookieAnswer  = cookieBase + "-answer"
	cookieBrowser = cookieBase + "-browser"

	cookieProvider = cookieBase + "-provider"
	cookieForm     = cookieBase + "-form"
	cookieOwner    = cookieBase + "-owner-"
)

// flowNameSize is the length of what follows cookieFlow.
const flowNameSize = 8

// maxCookieValue bounds the value of any cookie of ours that is looked at.
const maxCookieValue = 4096

// Cookies are ours among the cookies of a request. They are read before they are taken off the request: no upstream
// ever sees one.
type Cookies struct {
	session, pending, answer, browser, provider, form string

	flows []flowCookie
	// doubled: the session cookie came twice. A browser never sends two of one __Host- name, so neither counts (A60).
	doubled bool
	// lines are the headers as they came, and secure is how they were read: for the cookies that only few sites have.
	lines  []string
	secure bool
}

// value is that of a cookie of ours that has no field of its own, by its name without prefix. It is empty for one that
// comes twice, as a browser never sends it.
func (c *Cookies) value(base string) (value string) {
	name := cookieName(base, c.secure)
	for _, line := range c.lines {
		for part := range strings.SplitSeq(line, ";") {
			found, v, _ := strings.Cut(strings.Trim(part, " \t"), "=")
			if found != name {
				continue
			}
			if value != "" || len(v) > maxCookieValue {
				return ""
			}
			value = v
		}
	}
	return value
}

type flowCookie struct{ name, value string }

// maxFlowsRead bounds how many flow cookies of a request are looked at; a browser of ours holds at most maxFlows.
const maxFlowsRead = 16

// ReadCookies finds our cookies in the Cookie headers of a request. secure tells by which names: with the prefix, or plain for http on a loopback host.
func ReadCookies(lines []string, secure bool) Cookies {
	c := Cookies{lines: lines, secure: secure}
	for _, line := range lines {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			// Blanks and nothing else: a browser lets any neighbouring host set what begins with another kind of space.
			part = strings.Trim(part, " \t")
			if secure {
				var ours bool
				if part, ours = strings.CutPrefix(part, hostPrefix); !ours {
					continue
				}
			}
			rest, ours := strings.CutPrefix(part, cookieBase)
			if !ours {
				continue
			}
			suffix, value, ok := strings.Cut(rest, "=")
			if !ok || len(value) > maxCookieValue {
				continue
			}
			c.add(cookieBase+suffix, value)
		}
	}
	return c
}

func (c *Cookies) add(name, value string) {
	switch name {
	case cookieBase:
		c.doubled = c.doubled || c.session != ""
		c.session = value
	case cookiePending:
		c.pending = value
	case cookieAnswer:
		c.answer = value
	case cookieBrowser:
		c.browser = value
	case cookieForm:
		c.form = value
	case cookieProvider:
		c.provider = value
	default:
		if flow, ok := strings.CutPrefix(name, cookieFlow); ok && len(flow) == flowNameSize && len(c.flows) < maxFlowsRead {
			c.flows = append(c.flows, flowCookie{name: flow, value: value})
		}
	}
}

func (c *Cookies) flow(name string) string {
	for _, f := range c.flows {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// cookieName returns the name that a cookie has on this connection.
func cookieName(base string, secure bool) string {
	if secure {
		return hostPrefix + base
	}
	return base
}

// setCookie writes a cookie. A lifetime of zero makes it end with the browser.
func setCookie(w http.ResponseWriter, secure bool, base, value string, lifetime time.Duration) {
	c := cookie(secure, base, value)
	if lifetime > 0 {
		c.MaxAge = max(1, int(lifetime/time.Second))
	}
	http.SetCookie(w, c)
}

// clearCookie deletes a cookie: the same name, path, Secure, HttpOnly and SameSite as when it was made, else a browser
// keeps a __Host- cookie (A73).
func clearCookie(w http.ResponseWriter, secure bool, base string) {
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
