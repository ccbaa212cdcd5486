package browser

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReadCookies(t *testing.T) {
	header := func(lines ...string) []string { return lines }
	c := ReadCookies(header("a=b; __Host-latchkey=S; __Host-latchkey-pending=P", "__Host-latchkey-flow-abcdefgh=F;__Host-latchkey-browser=B"), true)
	if c.Session != "S" || c.Pending != "P" || c.Browser != "B" || c.Flow("abcdefgh") != "F" || c.Doubled {
		t.Errorf("got %+v", c)
	}
	if c := ReadCookies(header("latchkey=S"), true); c.Session != "" {
		t.Error("a cookie without the prefix counts on https")
	}
	if c := ReadCookies(header("__Host-latchkey=S"), false); c.Session != "" {
		t.Error("a prefixed cookie counts on plain http")
	}
	// A60: two session cookies are none, whichever comes first.
	if c := ReadCookies(header("__Host-latchkey=S; __Host-latchkey=T"), true); !c.Doubled {
		t.Error("a doubled session cookie is not noticed")
	}
	// A37: how many flows are looked at is bounded by us.
	many := strings.Repeat("__Host-latchkey-flow-abcdefgh=x; ", 1000)
	if c := ReadCookies(header(many), true); len(c.Flows) != maxFlowsRead {
		t.Errorf("%d flow cookies were read", len(c.Flows))
	}
	if c := ReadCookies(header("__Host-latchkey="+strings.Repeat("x", MaxCookieValue+1)), true); c.Session != "" {
		t.Error("an oversized cookie is looked at")
	}
}

// TestReadCookiesPrefix: a name that only begins with __Host- once something was stripped from it was never held to the
// prefix by the browser, so that any neighbouring host may have set it (A42, A60).
func TestReadCookiesPrefix(t *testing.T) {
	for _, before := range []string{"\u00a0", "\u0085", "\u1680", "\u2000", "\u2028", "\u3000", "\v", "\f", "\ufeff"} {
		if c := ReadCookies([]string{"a=b; " + before + "__Host-latchkey=S"}, true); c.Session != "" {
			t.Errorf("%q in front of the name is passed over", before)
		}
		if c := ReadCookies([]string{"__Host-latchkey=S;" + before + "__Host-latchkey=T"}, true); c.Doubled {
			t.Errorf("%q in front of a second name undoes the first", before)
		}
	}
	if c := ReadCookies([]string{"a=b;\t __Host-latchkey=S \t"}, true); c.Session != "S" {
		t.Errorf("blanks are not passed over: %q", c.Session)
	}
}

// FuzzReadCookies holds A36: no Cookie header breaks the reader.
func FuzzReadCookies(f *testing.F) {
	f.Add("a=b; __Host-latchkey=S", true)
	f.Add("latchkey-flow-=;;=;latchkey-flow-abcdefgh", false)
	f.Fuzz(func(t *testing.T, line string, secure bool) {
		c := ReadCookies([]string{line, line}, secure)
		if len(c.Flows) > maxFlowsRead {
			t.Fatal("more flows than the bound")
		}
	})
}

// TestDeletionMirrorsCreation holds A73, and A27 in that no cookie has a domain: all that tells two cookies apart is the same when one is made and deleted.
func TestDeletionMirrorsCreation(t *testing.T) {
	for _, secure := range []bool{true, false} {
		w := httptest.NewRecorder()
		SetCookie(w, secure, SessionCookie, "x", time.Hour)
		ClearCookie(w, secure, SessionCookie)
		got := w.Result().Cookies()
		made, gone := got[0], got[1]
		if made.Name != gone.Name || made.Path != gone.Path || made.Domain != gone.Domain || made.Secure != gone.Secure ||
			made.HttpOnly != gone.HttpOnly || made.SameSite != gone.SameSite || gone.MaxAge >= 0 || gone.Value != "" {
			t.Errorf("made %v, deleted %v", made, gone)
		}
		if made.Secure != secure || strings.HasPrefix(made.Name, HostPrefix) != secure || made.Path != "/" || made.Domain != "" || !made.HttpOnly {
			t.Errorf("secure %t: made %v", secure, made)
		}
	}
}
