package signin

import (
	"net/http"
	"net/url"
	"strings"
)

// returnPath validates where a sign-in may return to, and is the only place that does (A02, A33). Good is a path on
// the same origin, in a form that no browser reads as anything else: one slash first, no second, no backslash, no
// control character, no dot segment in any spelling. Anything else becomes Home; what is longer than maxReturn, the page
// that says so. It is applied when a path comes in and once more when it is used (A19).
func returnPath(raw string) string {
	if len(raw) > maxReturn {
		return cutShort(raw)
	}
	if isCut(raw) {
		return cutPath(raw)
	}
	return pagePath(raw)
}

// pagePath is returnPath for a link that leads to a page at once: nothing has to keep the page meanwhile, so that its
// length does not matter.
func pagePath(raw string) string {
	if raw == "" || raw[0] != '/' || hasUnsafeByte(raw) {
		return Home
	}
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || u.Path == "" || u.Path[0] != '/' {
		return Home
	}
	if unsafePath(u.Path) || unsafePath(u.EscapedPath()) || underBase(u.Path) && u.Path != mePath && raw != donePath {
		return Home
	}
	out := u.EscapedPath()
	if u.RawQuery != "" {
		out += "?" + u.RawQuery
	}
	return out
}

// hasUnsafeByte finds what browsers strip or rewrite before they parse (WHATWG URL, sections 4.1 and 4.4).
func hasUnsafeByte(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '\\' || c >= 0x80 {
			return true
		}
	}
	return false
}

// unsafePath finds a path that starts with two slashes, or whose dot segments would make one.
func unsafePath(p string) bool {
	if strings.HasPrefix(p, "//") || strings.IndexFunc(p, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) >= 0 {
		return true
	}
	for _, seg := range strings.Split(p, "/") {
		seg = strings.ReplaceAll(strings.ToLower(seg), "%2e", ".")
		if seg, _, _ = strings.Cut(seg, ";"); seg == "." || seg == ".." {
			return true
		}
	}
	return false
}

// underBase: returning to an endpoint of our own would be a loop or a trap, but for the page of the person who is signed
// in, and the one that says that they are.
func underBase(p string) bool { return p == Base || strings.HasPrefix(p, Base+"/") }

// cutOrigin takes scheme, host and port off an address; they are empty for a path on the site itself.
func cutOrigin(address string) (origin, path string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", address
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, "/" + path
}

// homeOf is where somebody goes who can or will not go on to a page.
func homeOf(page string) string {
	origin, _ := cutOrigin(page)
	return origin + Home
}

// redirect sends the browser to a place on the site itself.
func redirect(w http.ResponseWriter, target string) {
	if !underBase(target) {
		target = returnPath(target)
	}
	location(w, target)
}

// targetPath is returnPath for an absolute URL on the site itself, as others name a page of it (target_link_uri). Whatever
// is not of exactly this origin becomes Home.
func targetPath(origin, raw string) string {
	rest, ours := strings.CutPrefix(raw, origin)
	if !ours || rest != "" && rest[0] != '/' && rest[0] != '?' {
		return Home // another host may begin with the name of ours
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	return returnPath(rest)
}

// location is the only writer of a Location header. 303 turns whatever came in into a GET, so that no body is ever
// sent on (RFC 9700, section 4.12).
func location(w http.ResponseWriter, target string) {
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// maxReturn bounds path and query of a page that a sign-in returns to, in bytes. The page travels in the cookie of the
// flow, and browsers keep no cookie of more than 4,096 bytes of name, value and attributes: that is 3,000 bytes of a sealed
// flow, of which what belongs to the sign-in takes up to 400 in all but rare cases (see keepFlow). The pending cookie
// holds as much. The page also stands in the address of the prompt, where each of its bytes may take three: with 2,560 that
// stays below the 8 KB that common proxies take as a request line.
const maxReturn = 2560

// cutShort is what takes the place of a page that is too long: tooLongPath with the path of the page, without its query;
// with Home where that is no path to return to.
func cutShort(page string) string {
	path, _, _ := strings.Cut(page, "?")
	if len(path) > maxReturn || isCut(page) {
		path = Home
	}
	return cutTo(returnPath(path))
}

func cutTo(path string) string {
	out := tooLongPath + "?" + url.Values{"to": {path}}.Encode()
	if len(out) > maxReturn && path != Home {
		return cutTo(Home)
	}
	return out
}

// isCut reports whether a page on this site is one that cutShort has made.
func isCut(page string) bool { return strings.HasPrefix(page, tooLongPath+"?") }

// cutPath validates what cutShort has made: what it leads on to is held to the rules of any page.
func cutPath(page string) string {
	q, ok := singleValues(strings.TrimPrefix(page, tooLongPath+"?"), "to")
	if !ok || isCut(q["to"]) || len(q["to"]) > maxReturn {
		return cutTo(Home)
	}
	return cutTo(returnPath(q["to"]))
}
