package browser

import (
	"net/http"
	"net/url"
	"strings"
)

// ReturnPath validates where a sign-in may return to, and is the only place that does (A02, A33). Good is a path on
// the same origin, in a form that no browser reads as anything else: one slash first, no second, no backslash, no
// control character, no dot segment in any spelling. Anything else becomes Home; what is longer than MaxReturn, the page
// that says so. It is applied when a path comes in and once more when it is used (A19).
func ReturnPath(raw string) string {
	if len(raw) > MaxReturn {
		return CutShort(raw)
	}
	if IsCut(raw) {
		return cutPath(raw)
	}
	return PagePath(raw)
}

// PagePath is ReturnPath for a link that leads to a page at once: nothing has to keep the page meanwhile, so that its
// length does not matter.
func PagePath(raw string) string {
	if raw == "" || raw[0] != '/' || hasUnsafeByte(raw) {
		return Home
	}
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || u.Path == "" || u.Path[0] != '/' {
		return Home
	}
	if unsafePath(u.Path) || unsafePath(u.EscapedPath()) || UnderBase(u.Path) && u.Path != AccountPath && raw != DonePath {
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

// UnderBase reports whether p is under Base: returning to an endpoint of our own would be a loop or a trap, but for the page of the person who is signed
// in, and the one that says that they are.
func UnderBase(p string) bool { return p == Base || strings.HasPrefix(p, Base+"/") }

// CutOrigin takes scheme, host and port off an address; they are empty for a path on the site itself.
func CutOrigin(address string) (origin, path string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", address
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, "/" + path
}

// HomeOf is where somebody goes who can or will not go on to a page.
func HomeOf(page string) string {
	origin, _ := CutOrigin(page)
	return origin + Home
}

// Redirect sends the browser to a place on the site itself.
func Redirect(w http.ResponseWriter, target string) {
	if !UnderBase(target) {
		target = ReturnPath(target)
	}
	SeeOther(w, target)
}

// TargetPath is ReturnPath for an absolute URL on the site itself, as others name a page of it (target_link_uri). Whatever
// is not of exactly this origin becomes Home.
func TargetPath(origin, raw string) string {
	rest, ours := strings.CutPrefix(raw, origin)
	if !ours || rest != "" && rest[0] != '/' && rest[0] != '?' {
		return Home // another host may begin with the name of ours
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	return ReturnPath(rest)
}

// SeeOther is the only writer of a Location header. 303 turns whatever came in into a GET, so that no body is ever
// sent on (RFC 9700, section 4.12).
func SeeOther(w http.ResponseWriter, target string) {
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// MaxReturn bounds path and query of a page that a sign-in returns to, in bytes. The page travels in the cookie of the
// flow, and browsers keep no cookie of more than 4,096 bytes of name, value and attributes: that is 3,000 bytes of a sealed
// flow, of which what belongs to the sign-in takes up to 400 in all but rare cases (see keepFlow). The pending cookie
// holds as much. The page also stands in the address of the prompt, where each of its bytes may take three: with 2,560 that
// stays below the 8 KB that common proxies take as a request line.
const MaxReturn = 2560

// CutShort is what takes the place of a page that is too long: TooLongPath with the path of the page, without its query;
// with Home where that is no path to return to.
func CutShort(page string) string {
	path, _, _ := strings.Cut(page, "?")
	if len(path) > MaxReturn || IsCut(page) {
		path = Home
	}
	return CutTo(ReturnPath(path))
}

// CutTo is the page that says that the way back was too long, with path as where to go on.
func CutTo(path string) string {
	out := TooLongPath + "?" + url.Values{"to": {path}}.Encode()
	if len(out) > MaxReturn && path != Home {
		return CutTo(Home)
	}
	return out
}

// IsCut reports whether a page on this site is one that CutShort has made.
func IsCut(page string) bool { return strings.HasPrefix(page, TooLongPath+"?") }

// cutPath validates what CutShort has made: what it leads on to is held to the rules of any page.
func cutPath(page string) string {
	q, ok := SingleValues(strings.TrimPrefix(page, TooLongPath+"?"), "to")
	if !ok || IsCut(q["to"]) || len(q["to"]) > MaxReturn {
		return CutTo(Home)
	}
	return CutTo(ReturnPath(q["to"]))
}
