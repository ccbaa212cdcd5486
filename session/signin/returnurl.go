package signin

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// Home is where a sign-in goes that has no better place to return to.
const Home = "/"

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

// donePath is where a sign-in in a window of its own returns to: a page that does nothing but say that it is done.
const donePath = Base + "/done"

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

// returnTarget is returnPath for what may also be a page of another site that signs people in here.
func (s *Service) returnTarget(raw string) string {
	origin, path := cutOrigin(raw)
	if origin != "" && (s.SiteFor == nil || s.SiteFor("", origin) == nil) {
		return Home
	}
	return origin + returnPath(path)
}

// homeOf is where somebody goes who can or will not go on to a page.
func homeOf(page string) string {
	origin, _ := cutOrigin(page)
	return origin + Home
}

// goOn sends the browser to a place on the site itself, or on one that signs people in here, after a form. It is a page
// that moves on, not a redirect: Chromium holds a form-action policy against the whole chain of redirects after a form,
// wherever the app leads.
func (s *Service) goOn(w http.ResponseWriter, r *http.Request, target string) {
	if origin, path := cutOrigin(target); !underBase(path) {
		target = s.returnTarget(target)
	} else if origin != "" && s.returnTarget(origin+Home) != origin+Home {
		target = Home
	}
	if r.Method != http.MethodPost {
		location(w, target)
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.Continue{URL: target})
}

// toSignInHost sends the browser to an endpoint of the sign-in host.
func (s *Service) toSignInHost(w http.ResponseWriter, path string) { location(w, s.SignInHost+path) }

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
