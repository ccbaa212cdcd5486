package pages

import (
	"net/http"
	"net/url"
	"strings"
)

// Continue ends a form: it takes the browser on to URL by itself (a Refresh header), and shows a link to it. A redirect
// would do so too, but Chromium holds the form-action of the page with the form against the whole chain that follows,
// wherever the app or the provider leads from there, and then stays where it was with the form spent. The browser
// keeps no history entry for this page.
type Continue struct {
	// URL is an absolute http or https URL, or a path on this origin. Anything else is not followed.
	URL string
}

func (Continue) template() string { return "continue" }

func (Continue) status() int { return http.StatusOK }

func (Continue) title() (string, []string) { return "continue.title", nil }

// next is the value of a Refresh header, empty if URL is none that a browser may be sent to. The rest of the header is
// the URL whatever it holds, so nothing else needs to be escaped than what url.URL escapes, and spaces.
func (c Continue) next() string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" || u.User != nil {
		return ""
	}
	here := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(u.Path, "//")
	if !here && Origin(c.URL) == "" {
		return ""
	}
	return "0; url=" + strings.ReplaceAll(u.String(), " ", "%20")
}

// Origin returns scheme://host[:port] if raw is an http or https URL, else nothing. What it returns cannot end a directive
// of a Content-Security-Policy or add one: the host holds letters, digits, dots, hyphens, colons and brackets only.
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
