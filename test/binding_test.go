package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// boundLife is the lifetime of the short cookie in these tests. A busy machine needs seconds to open a page.
const boundLife = 15 * time.Second

// boundSite is a site that binds its sessions. Chromium does so only where it trusts the certificate: pin is what it is
// told to trust.
func boundSite(t *testing.T, c config, options string) (s *site, pin string) {
	t.Helper()
	cert, key, pin := certificate(t)
	c.https, c.tls = true, "tls "+cert+" "+key
	c.app += fmt.Sprintf(`
		session {
			binding prefer {
				cookie_lifetime %v
				insecure_short_lifetime
				%s
			}
			persistent {
				unbound {
					idle_limit 7d
					max_lifetime 30d
				}
			}
		}`, boundLife, options)
	return newSite(t, c), pin
}

// certificate makes a certificate for the site, and other hosts, that is its own authority, and returns its files and its pin.
func certificate(t *testing.T, hosts ...string) (cert, key, pin string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: secureHost}, DNSNames: append(hosts, secureHost),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(spki)
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), base64.StdEncoding.EncodeToString(sum[:])
}

func (s *site) binder(pin string) *rig.Browser {
	s.t.Helper()
	return rig.NewBrowser(s.t, rig.BrowserOptions{Binds: true, Trust: pin})
}

// bound waits until the browser has both cookies of a bound session.
func (s *site) bound(b *rig.Browser) {
	s.t.Helper()
	rig.Until(s.t, rig.Patience, "the browser binds the session", func() bool {
		_, ok := b.Cookie(s.cookie("-bound"))
		return ok
	})
	b.Goto(s.url("/"))
	s.atApp(b.Page)
}

// boundUser is a site with a browser whose session is bound after an answer to the prompt.
func boundUser(t *testing.T, options, answer string) (s *site, b *rig.Browser, pin string) {
	t.Helper()
	s, pin = boundSite(t, config{}, options)
	b = s.binder(pin)
	s.signIn(b.Page, "/", "alice", answer)
	s.bound(b)
	return s, b, pin
}

// stays opens the app over and over, and expects to be in it at once.
func (s *site) stays(b *rig.Browser, when string) {
	s.t.Helper()
	before := s.idp.Hits("authorize")
	for range 3 {
		if at := b.Goto(s.url("/page")); at.URL != s.url("/page") || at.Status != 200 {
			s.t.Errorf("%s: at %+v", when, at)
		}
		s.atApp(b.Page)
	}
	if n := s.idp.Hits("authorize"); n != before {
		s.t.Errorf("%s: the provider was asked", when)
	}
}

// V5: Issue 11: what is copied out of a real browser works until the short cookie ends, and never again, at any replica. The owner
// notices nothing, over a restart of the gateway and of the browser.
func TestStolenCookiesOfABoundYes(t *testing.T) {
	t.Parallel()
	s, b, pin := boundUser(t, "", "Yes")
	if c, _ := b.Cookie(s.cookie("")); time.Until(time.UnixMilli(int64(c.Expires*1000))) < 31*24*time.Hour {
		t.Errorf("the session cookie ends at %v, which is no longer than that of a session that is not bound", c.Expires)
	}
	thief := s.binder(pin) // a second profile
	s.stays(b, "bound")    // the last page has renewed the short cookie
	thief.AddCookies(b.Cookies(s.origin())...)
	program := s.borrow(b)
	if !s.alive(program) {
		t.Error("a copy does not work within its time, so this test shows nothing")
	}
	thief.Goto(s.url("/"))
	s.atApp(thief.Page)
	rig.Within(t, boundLife+5*time.Second, "the copy is refused", func() bool { return !s.alive(program) })
	if r := s.api(program, "/x"); r.StatusCode != 401 {
		t.Errorf("a program with the copy: %d", r.StatusCode)
	}
	thief.Goto(s.url("/"))
	s.atProvider(thief.Page)
	s.stays(b, "after the theft")
	s.gw.Restart()
	s.stays(b, "after a restart of the gateway")
	b.Restart()
	s.stays(b, "after a restart of the browser")
	if s.alive(program) {
		t.Error("the copy works again")
	}
	b.Goto(s.url("/.latchkey/sign-out"))
	b.Click("Sign out")
	for _, name := range []string{s.cookie(""), s.cookie("-bound")} {
		if _, ok := b.Cookie(name); ok {
			t.Errorf("signed out, and still has %s", name)
		}
	}
}

// V9: K2, K7: a "No" ends with the browser although the browser keeps its key.
func TestBoundNoEndsWithTheBrowser(t *testing.T) {
	t.Parallel()
	s, b, _ := boundUser(t, "kinds all", "No")
	s.stays(b, "bound")
	b.Restart()
	b.Goto(s.url("/"))
	s.atProvider(b.Page)
}

// V10: A link from another site arrives without the short cookie. The page of the gateway in between has the browser refresh, and
// the user is at the page.
func TestLinkToABoundSession(t *testing.T) {
	t.Parallel()
	s, b, _ := boundUser(t, "", "Yes")
	before := s.idp.Hits("authorize")
	b.Goto("http://" + s.app.Addr + "/")
	b.ClearCookies(s.cookie("-bound"))
	var begun int
	b.Evaluate(&begun, fmt.Sprintf("(setTimeout(() => { location.href = %q }, 0), 1)", s.url("/linked?a=b")))
	b.WaitURL("/linked?a=b")
	s.atApp(b.Page)
	if n := s.idp.Hits("authorize"); n != before {
		t.Error("the provider was asked")
	}
	if !strings.Contains(s.adminText("/metrics"), `decision="binding_missing"`) {
		t.Error("the link arrived with the short cookie, so this test shows nothing")
	}
}

// Chromium without the feature is offered the same, does nothing, and nothing is missing.
func TestBrowserThatBindsNothing(t *testing.T) {
	t.Parallel()
	s, _ := boundSite(t, config{}, "")
	b := s.lastingBrowser()
	s.signIn(b.Page, "/", "alice", "Yes")
	s.stays(b, "not bound")
	if _, ok := b.Cookie(s.cookie("-bound")); ok {
		t.Error("it has a short cookie")
	}
	b.Restart()
	s.stays(b, "after a restart")
}
