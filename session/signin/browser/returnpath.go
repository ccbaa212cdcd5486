package browser

import (
	"net/http"
	"net/url"
	"strings"
)

// ReturnPath validates the page to which a sign-in returns, and is the only function that does (A02, A33). It accepts a
// path on the same origin, in a form that no browser reads differently: one slash first, no second one, no backslash,
// no control character, no dot segment in any spelling. For anything else it returns Home, and for a path longer than
// MaxReturn the page that says so. It is called when a path is received and again when it is used (A19).
func ReturnPath(raw string) string {
	if len(raw) > MaxReturn {
		return CutShort(raw)
	}
	if IsCut(raw) {
		return cutPath(raw)
	}
	return PagePath(raw)
}

// PagePath is ReturnPath for a link that is opened at once: the page does not have to be kept, so its length does not
// matter.
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

// hasUnsafeByte finds bytes that browsers remove or change before parsing (WHATWG URL, sections 4.1 and 4.4).
func hasUnsafeByte(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '\\' || c >= 0x80 {
			return true
		}
	}
	return false
}

// unsafePath finds a path that begins with two slashes, or would after its dot segments are resolved.
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

// UnderBase reports whether p is under Base. Returning to one of Latchkey's endpoints would be a loop or an attack,
// except for the user's own page and the page that ends a sign-in.
func UnderBase(p string) bool { return p == Base || strings.HasPrefix(p, Base+"/") }

// CutOrigin splits scheme, host and port off an address; they are empty for a path on the site itself.
func CutOrigin(address string) (origin, path string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", address
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, "/" + path
}

// HomeOf returns where a user goes who does not continue to a page.
func HomeOf(page string) string {
	origin, _ := CutOrigin(page)
	return origin + Home
}

// Redirect sends the browser to a path on the site itself.
func Redirect(w http.ResponseWriter, target string) {
	if !UnderBase(target) {
		target = ReturnPath(target)
	}
	SeeOther(w, target)
}

// TargetPath is ReturnPath for an absolute URL of the site itself, as other parties name it (target_link_uri). For any
// other origin it returns Home.
func TargetPath(origin, raw string) string {
	rest, ours := strings.CutPrefix(raw, origin)
	if !ours || rest != "" && rest[0] != '/' && rest[0] != '?' {
		return Home // the name of another host may begin with ours
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	return ReturnPath(rest)
}

// SeeOther is the only function that writes a Location header. 303 turns any method into GET, so that no body is sent
// on (RFC 9700, section 4.12).
func SeeOther(w http.ResponseWriter, target string) {
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// MaxReturn is the longest path and query of a page to which a sign-in returns, in bytes. The page is kept in the flow
// cookie, and browsers keep no cookie with more than 4,096 bytes of name, value and attributes. That leaves 3,000 bytes
// for a sealed flow, of which the data of the sign-in takes up to 400 in all but rare cases (see keepFlow). The pending
// cookie has the same space. The page is also part of the address of the prompt, where each byte may take three: with
// 2,560 that stays below the 8 KB that common proxies accept as a request line.
const MaxReturn = 2560

// CutShort returns what replaces a page that is too long: TooLongPath with the path of the page, without its query;
// with Home if that is not a valid return path.
func CutShort(page string) string {
	path, _, _ := strings.Cut(page, "?")
	if len(path) > MaxReturn || IsCut(page) {
		path = Home
	}
	return CutTo(ReturnPath(path))
}

// CutTo returns the page that says that the address was too long, with path as the page to open next.
func CutTo(path string) string {
	out := TooLongPath + "?" + url.Values{"to": {path}}.Encode()
	if len(out) > MaxReturn && path != Home {
		return CutTo(Home)
	}
	return out
}

// IsCut reports whether a page on this site is a result of CutShort.
func IsCut(page string) bool { return strings.HasPrefix(page, TooLongPath+"?") }

// cutPath validates a result of CutShort: the page that it links to follows the rules of any page.
func cutPath(page string) string {
	q, ok := SingleValues(strings.TrimPrefix(page, TooLongPath+"?"), "to")
	if !ok || IsCut(q["to"]) || len(q["to"]) > MaxReturn {
		return CutTo(Home)
	}
	return CutTo(ReturnPath(q["to"]))
}
