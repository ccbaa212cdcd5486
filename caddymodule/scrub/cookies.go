package scrub

import (
	"net/http"
	"strings"
)

// Our cookies are the names below and everything that continues them with a hyphen (-flow-, -pending, -answer,
// -browser). The second spelling is the one for plain http on a loopback host.
const (
	cookieName         = "__Host-latchkey"
	loopbackCookieName = "latchkey"
)

// Cookies removes our own cookies from the Cookie header: they open a session, and no upstream is to hold that power.
// Every other cookie keeps its bytes; nothing is decoded, quoted or reordered. It returns the header lines as they
// came if something was removed, and nil if there was nothing of ours.
//
// A line is cut at each semicolon, as browsers build it; quotes do not protect one. So a cookie of ours is found
// wherever a server might find it, at the price that a quoted value around it is cut too.
func Cookies(h http.Header) (before []string) {
	lines, ok := h["Cookie"]
	if !ok {
		return nil
	}
	ours := false
	for _, line := range lines {
		// The name is in no other cookie as a rule: one fast search spares all the rest.
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

// withoutOurs copies the runs between our cookies in one pass, so that many cookies cost no more than their length.
// A line without ours is returned as it is, and one with nothing else in it as the empty string.
func withoutOurs(line string) string {
	var out strings.Builder
	head := ""      // the first run, not copied as long as it is the only one
	run, at := 0, 0 // [run:at) is kept and not yet taken up; both stand at the start of a pair
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
	if head == "" { // ours came first
		return tidy(line[run:])
	}
	last := run == len(line)
	head = take(&out, head, line[run:])
	if out.Len() > 0 {
		head = out.String()
	}
	if last { // ours came last, and the separator before it goes with it
		return strings.TrimSuffix(tidy(head), ";")
	}
	return tidy(head)
}

// take adds a run to what is kept: head alone, or out with head at its start. It returns head.
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

// tidy drops the blanks that a removed first cookie leaves, and separators with nothing between them.
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
	return ok && (rest == "" || rest[0] == '-')
}
