package appdata

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Rule selects the data of an app to delete. The zero value deletes nothing.
type Rule struct {
	// Cookies are names of cookies. All means every cookie that the browser sends, except Latchkey's.
	Cookies []string
	All     bool
	// Paths are the Path attributes of the app's cookies, besides "/".
	Paths []string
	// Cache and Storage delete the browser's cache and storage of the origin (Clear-Site-Data).
	Cache, Storage bool
}

const (
	// maxNames and maxPaths limit a rule, and so the size of a response header.
	maxNames = 16
	maxPaths = 4
	// maxAnswer is how many cookies All deletes in one answer. A proxy may accept only 8 KB of headers.
	maxAnswer = 16
	// maxDomains is how many parent domains are tried. Browsers refuse those that are public suffixes.
	maxDomains = 3
	maxName    = 128
	maxPath    = 256
)

// Check returns the first error in a rule.
func (r *Rule) Check() error {
	switch {
	case r.All && len(r.Cookies) > 0:
		return errors.New("all is every cookie: no names beside it")
	case len(r.Cookies) > maxNames:
		return fmt.Errorf("at most %d names", maxNames)
	case len(r.Paths) > maxPaths:
		return fmt.Errorf("at most %d paths", maxPaths)
	case len(r.Paths) > 0 && !r.All && len(r.Cookies) == 0:
		return errors.New("a path needs the name of a cookie, or all")
	}
	for i, name := range r.Cookies {
		if !token(name) {
			return fmt.Errorf("%q is not the name of a cookie", name)
		}
		if ours(name) {
			return fmt.Errorf("%q is a cookie of Latchkey", name)
		}
		for _, other := range r.Cookies[:i] {
			if other == name {
				return fmt.Errorf("%q comes twice", name)
			}
		}
	}
	for _, p := range r.Paths {
		if len(p) > maxPath || len(p) < 2 || p[0] != '/' || strings.ContainsFunc(p, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ';' || c == ',' }) {
			return fmt.Errorf("%q is not a path of a cookie such as /wiki", p)
		}
	}
	return nil
}

// Personal reports whether a rule deletes data that belongs to a user. Then the user must be known.
func (r *Rule) Personal() bool { return r != nil && (r.All || len(r.Cookies) > 0 || r.Storage) }

// SiteData returns the value of Clear-Site-Data, empty for none.
func (r *Rule) SiteData() string {
	switch {
	case r.Cache && r.Storage:
		return `"cache", "storage"`
	case r.Cache:
		return `"cache"`
	case r.Storage:
		return `"storage"`
	}
	return ""
}

func token(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c)
	})
}

// ours reports whether a cookie is Latchkey's: __Host-latchkey and latchkey, or one of these followed by a hyphen.
func ours(name string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "__Host-"), "latchkey")
	return ok && (rest == "" || rest[0] == '-')
}

func (r *Rule) covers(name string) bool {
	if r.All {
		return !ours(name)
	}
	for _, one := range r.Cookies {
		if one == name {
			return true
		}
	}
	return false
}

// Strip removes the cookies from a request, so that the app does not see them. All other cookies keep their bytes.
func (r *Rule) Strip(h http.Header) {
	lines := h["Cookie"]
	var kept []string
	changed := false
	for _, line := range lines {
		var left []string
		for pair := range strings.SplitSeq(line, ";") {
			if name := nameOf(pair); name != "" && r.covers(name) {
				changed = true
				continue
			}
			left = append(left, pair)
		}
		if line = strings.TrimLeft(strings.Join(left, ";"), " \t"); strings.Trim(line, " \t;") != "" {
			kept = append(kept, line)
		}
	}
	switch {
	case !changed:
	case len(kept) == 0:
		delete(h, "Cookie")
	default:
		h["Cookie"] = kept
	}
}

func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return strings.Trim(name, " \t")
}

// Delete writes the Set-Cookie headers that delete the cookies. A browser deletes a cookie only if name, Path and
// Domain are those with which it was set, but sends neither Path nor Domain. Therefore each cookie is deleted as
// host-only and for each parent domain, at "/" and at the configured paths. Cookies with other paths, and partitioned
// cookies, are not deleted.
//
// presented are the Cookie headers of the request. complete is false if there are more cookies than one answer can
// delete; the next answer deletes others.
func (r *Rule) Delete(h http.Header, host string, secure bool, presented []string) (complete bool) {
	names, complete := r.names(presented)
	for _, name := range names {
		domains, paths := parents(host), r.Paths
		if strings.HasPrefix(name, "__Host-") { // such a cookie has no Domain and only the path "/"
			domains, paths = nil, nil
		}
		for i := -1; i < len(paths); i++ {
			path := "/"
			if i >= 0 {
				path = paths[i]
			}
			h.Add("Set-Cookie", deletion(name, path, "", secure))
			for _, d := range domains {
				h.Add("Set-Cookie", deletion(name, path, d, secure))
			}
		}
	}
	return complete
}

func deletion(name, path, domain string, secure bool) string {
	out := name + "=; Path=" + path
	if domain != "" {
		out += "; Domain=" + domain
	}
	out += "; Max-Age=0"
	if secure {
		out += "; Secure"
	}
	return out
}

// names returns the cookies that one answer deletes.
func (r *Rule) names(presented []string) (names []string, complete bool) {
	if !r.All {
		return r.Cookies, true
	}
	seen := make(map[string]bool)
	for _, line := range presented {
		for pair := range strings.SplitSeq(line, ";") {
			name := nameOf(pair)
			if !token(name) || ours(name) || seen[name] {
				continue
			}
			if len(names) == maxAnswer {
				return names, false
			}
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, true
}

// parents returns the domains for which a host can set cookies: its own name and its parents with at least two labels.
// An IP address has none.
func parents(host string) (list []string) {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	for len(list) < maxDomains && strings.Contains(host, ".") {
		list = append(list, host)
		_, host, _ = strings.Cut(host, ".")
	}
	return list
}
