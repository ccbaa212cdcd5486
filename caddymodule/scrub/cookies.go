package scrub

import (
	"net/http"
	"strings"
)

// Latchkey's cookies have these names, or continue them with a hyphen (-flow-, -pending, -answer, -browser). The second
// spelling is for plain http on a loopback host, the third for the one cookie that the hosts of a site share.
const (
	cookieName         = "__Host-latchkey"
	loopbackCookieName = "latchkey"
	siteCookieName     = "__Secure-latchkey"
)

// Cookies removes Latchkey's cookies from the Cookie header: they open a session, and the application must not get
// them. All other cookies keep their bytes; nothing is decoded, quoted or reordered. If it removed something it returns
// the original header lines, else nil.
//
// A line is split at each semicolon, as browsers build it; quotes do not protect a semicolon. Latchkey's cookies are
// therefore found wherever a server could find them. As a consequence, a quoted value that contains one is split too.
func Cookies(h http.Header) (before []string) {
	lines, ok := h["Cookie"]
	if !ok {
		return nil
	}
	ours := false
	for _, line := range lines {
		// Other cookies almost never contain the name, so one fast search usually avoids the rest.
		if strings.Contains(line, loopbackCookieName) && hasOurs(line) {
			ours = true
			break
		}
	}
	if !ours {
		return nil
	}
	var kept []string
	for _, line := range lines {
		if line = withoutOurs(line); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
	} else {
		h["Cookie"] = kept
	}
	return lines
}

func hasOurs(line string) bool {
	for {
		pair, rest, more := strings.Cut(line, ";")
		if isOurs(pair) {
			return true
		}
		if !more {
			return false
		}
		line = rest
	}
}

// withoutOurs copies the parts between Latchkey's cookies in one pass, so that the cost is linear in the length. It
// returns a line without such cookies unchanged, and a line with nothing else as the empty string.
func withoutOurs(line string) string {
	var out strings.Builder
	head := ""      // the first part; not copied as long as it is the only one
	run, at := 0, 0 // [run:at) is kept but not copied yet; both are at the start of a pair
	removed := false
	for at < len(line) {
		end := len(line)
		if i := strings.IndexByte(line[at:], ';'); i >= 0 {
			end = at + i + 1
		}
		if isOurs(strings.TrimSuffix(line[at:end], ";")) {
			removed = true
			head = take(&out, head, line[run:at])
			run = end
		}
		at = end
	}
	if !removed {
		return line
	}
	if head == "" { // a cookie of Latchkey came first
		return tidy(line[run:])
	}
	last := run == len(line)
	head = take(&out, head, line[run:])
	if out.Len() > 0 {
		head = out.String()
	}
	if last { // a cookie of Latchkey came last: remove the separator before it too
		return strings.TrimSuffix(tidy(head), ";")
	}
	return tidy(head)
}

// take appends a part to what is kept, which is head alone, or out with head at its start. It returns the new head.
func take(out *strings.Builder, head, run string) string {
	switch {
	case run == "":
	case head == "":
		return run
	default:
		if out.Len() == 0 {
			out.WriteString(head)
		}
		out.WriteString(run)
	}
	return head
}

// tidy removes the spaces after a removed first cookie, and separators with nothing between them.
func tidy(line string) string {
	line = strings.TrimLeft(line, " \t")
	if strings.Trim(line, " \t;") == "" {
		return ""
	}
	return line
}

func isOurs(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	name = trimOWS(name)
	rest, ok := strings.CutPrefix(name, cookieName)
	if !ok {
		rest, ok = strings.CutPrefix(name, loopbackCookieName)
	}
	if !ok {
		rest, ok = strings.CutPrefix(name, siteCookieName)
	}
	return ok && (rest == "" || rest[0] == '-')
}
