package draft

import (
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
)

// OpenPattern returns the lines of a matcher that leave the paths open that a regular expression matches, for one method or
// for all. With except those are open that it does not match.
func OpenPattern(o Origin, method, pattern string, except bool) Line {
	path := Line{Words: "path_regexp", Given: []string{pattern}, Pattern: true, From: o}
	if method == "" && !except {
		path.Words = "not path_regexp"
		return path
	}
	var inner []Line
	if method != "" {
		inner = append(inner, o.Words("method", method))
	}
	if except {
		path.Words = "not path_regexp"
	}
	return Words("not", append(inner, path)...)
}

// IsMethod reports whether a text can be the method of a request.
func IsMethod(text string) bool {
	return text != "" && len(text) <= 32 && !strings.ContainsFunc(text, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// SiteAddress returns host and port of an address of a site, as a Caddyfile has it, or an empty text.
func SiteAddress(u *url.URL) string {
	address := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		address = "http://" + address
	}
	if firstfile.CheckAddress(address) != nil {
		return ""
	}
	return address
}

// noAddress is the address of a site whose address the configuration does not say.
const noAddress = "app.example.com"

// Addresses returns the addresses of the only site of a configuration.
func (p *Plan) Addresses(o Options, found ...string) []string {
	if o.Site != "" {
		return []string{o.Site}
	}
	found = slices.DeleteFunc(Unique(found), func(a string) bool { return a == "" })
	if len(found) == 0 {
		p.Note(Todo, Origin{}, "the configuration does not say under which address the app is: replace %s, or run this again with --site", noAddress)
		return []string{noAddress}
	}
	return found
}

// InsecureCookie notes that the cookie was sent without TLS as well. Sites on http are on this machine alone: CheckAddress
// refuses others.
func (p *Plan) InsecureCookie(o Origin) {
	for _, s := range p.Sites {
		if slices.ContainsFunc(s.Addresses, func(a string) bool { return !strings.HasPrefix(a, "http://") }) {
			p.Note(Missing, o, "the cookie is sent with TLS alone: Caddy gets a certificate for the site by itself. Without TLS users sign in at addresses of this machine (http://localhost) and at no others")
			return
		}
	}
	p.Note(Differs, o, "is not needed: at an http:// address of this machine, as this site has one, the cookie is sent without TLS")
}

// NoApp answers for a site whose app the configuration does not name.
func (p *Plan) NoApp() Line {
	p.Note(Todo, Origin{}, "the configuration does not say where the app is: put `reverse_proxy <host>:<port>` in place of `respond 503`")
	l := Words("respond 503")
	l.Comment = "Here stands the app: reverse_proxy <host>:<port>"
	return l
}

// IsHeaderName reports whether a text can be the name of a header.
func IsHeaderName(text string) bool {
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}
