package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// Continue is the answer to a form. It makes the browser open URL (by a Refresh header), and shows a link to it. A
// redirect does not work here: Chromium applies the form-action of the page with the form to the whole redirect chain,
// including redirects by the app or the provider. It then stays on the page, although the form is used up. The browser
// keeps no history entry for this page.
type Continue struct {
	// URL is an absolute http or https URL, or a path on this origin. Anything else is not followed.
	URL string
	// Wait is after how many seconds the browser goes on; empty: at once.
	Wait string
}

func (Continue) template() string { return "continue" }

func (Continue) status() int { return http.StatusOK }

func (Continue) title() (string, []string) { return "continue.title", nil }

// next returns the value of a Refresh header; empty if URL is not one that a browser may open.
func (c Continue) next() string { return refreshTo(cmp.Or(c.Wait, "0"), c.URL) }

// Again is shown in place of a page of the app, whose address it has, and leads to URL. It is Continue with a script that
// takes along the part of the address after #. Without the script the browser goes on without that part, a second later.
type Again struct {
	// URL is a path on this origin.
	URL string
	// InFrame: pages of any origin may frame the page. It has one link, to where it leads by itself.
	InFrame bool
}

func (Again) template() string { return "continue" }

func (Again) status() int { return http.StatusOK }

func (Again) title() (string, []string) { return "continue.title", nil }

func (Again) script() string { return "fragment.js" }

func (a Again) next() string { return refreshTo("1", a.URL) }

// refreshTo returns the value of a Refresh header that opens a URL after some seconds; empty if a browser may not open
// it. The rest of the header is the URL, so only what url.URL escapes, and spaces, must be escaped.
func refreshTo(seconds, target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Opaque != "" || u.User != nil {
		return ""
	}
	here := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(u.Path, "//")
	if !here && Origin(target) == "" {
		return ""
	}
	return seconds + "; url=" + strings.ReplaceAll(u.String(), " ", "%20")
}

// Origin returns scheme://host[:port] if raw is an http or https URL, else an empty string. The result cannot end or
// add a directive of a Content-Security-Policy: the host contains only letters, digits, dots, hyphens, colons and
// brackets.
func Origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
		return ""
	}
	return u.Scheme + "://" + host
}
