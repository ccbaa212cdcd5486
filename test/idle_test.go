package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// strictest is the tightest policy that an app with scripts can have.
const strictest = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// spa returns the lines of a site that serves the files of a single-page app under /spa, with the strictest policy.
func spa(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "spa"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, "spa", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "handle /spa/* {\nroot * " + dir + "\nheader Content-Security-Policy \"" + strictest + "\"\nfile_server\n}"
}

const warnedPage = `<!doctype html><html lang="en"><title>App</title><script src="/.latchkey/assets/idle.js" defer></script>
<main><h1>The app</h1><button type="button">Work</button></main></html>`

// idleSoon warns after 6 seconds and signs out after 24: axe-core and a click fit between the two on a busy machine, too.
const idleSoon = "idle_sign_out {\nwarn 6s\nsign_out 24s\n}"

// TestIdleWarning holds T2, T3, T5, T10, T17 and T18 in a real browser, under the strictest policy of an app: two tabs warn,
// a click in one keeps both, and when nobody clicks both are left for the page that says so.
func TestIdleWarning(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: idleSoon, before: spa(t, map[string]string{"index.html": warnedPage})})

	// A page that polls and loads no script: T17.
	poller := rig.NewHTTP(t)
	s.entered(poller, "/", "adam", "No")
	ended := make(chan bool, 1)

	b := s.browser()
	s.signIn(b.Page, "/spa/", "alice", "No")
	used := time.Now()
	other := b.NewPage()
	other.Goto(s.url("/spa/"))
	go func() { ended <- rig.Holds(rig.Patience, func() bool { return !s.alive(poller) }) }()
	if b.Page.Has("Stay signed in") && time.Since(used) < 5*time.Second {
		t.Error("warned at once")
	}
	both := func(want bool) func() bool {
		return func() bool { return b.Page.Has("Stay signed in") == want && other.Has("Stay signed in") == want }
	}
	rig.Until(t, rig.Patience, "both tabs warn", both(true))
	for _, finding := range b.Axe() {
		t.Error(finding)
	}
	if path := os.Getenv("LATCHKEY_SCREENSHOTS"); path != "" {
		b.Screenshot(filepath.Join(path, "idle.png"))
	}
	// A script's click is no person's.
	var done bool
	b.Evaluate(&done, `document.querySelector('latchkey-idle').shadowRoot.querySelector('button').click() || true`)
	if !b.Page.Has("Stay signed in") {
		t.Error("a click of a script counted")
	}
	b.Page.Tap("Stay signed in")
	rig.Until(t, rig.Patience, "a click in one tab keeps both", both(false))
	rig.Until(t, rig.Patience, "both tabs are left for the page that says so", func() bool {
		return strings.Contains(b.Page.URL(), "/.latchkey/signed-out") && strings.Contains(other.URL(), "/.latchkey/signed-out")
	})
	if !strings.Contains(b.Page.Text(), "You are signed out") {
		t.Errorf("at %s: %s", b.Page.URL(), b.Page.Text())
	}
	for _, e := range b.Events() {
		if !strings.Contains(e, "404") { // the provider has no icon
			t.Errorf("the browser says: %s", e)
		}
	}
	if !<-ended {
		t.Error("a page that polls keeps its session (T17)")
	}
	if n := s.sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestIdleCutsStreams holds T2, T5, T7 and T18: what is open for somebody who has gone is cut by the clock, although neither
// they nor any page asks for anything, and the log says why; also for what was opened before a reload. Who stays signed in
// goes on.
func TestIdleCutsStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "idle_sign_out {\nwarn 2s\nsign_out 8s\n}"})
	gone, stays := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(stays, "/", "alice", "Yes")
	s.entered(gone, "/", "adam", "No")
	used := time.Now()
	cut := map[string]chan time.Time{"events before a reload": s.openEvents(gone)}
	if err := s.reload(func(c *config) { c.app += "\nsession {\npersistent {\nmax_lifetime 100d\n}\n}" }); err != nil {
		t.Fatal(err)
	}
	others := []chan time.Time{s.openSocket(stays), s.openEvents(stays)}
	cut["WebSocket"], cut["events"] = s.openSocket(gone), s.openEvents(gone)
	for name, ch := range cut {
		select {
		case at := <-ch:
			// The last use on record may be a second old, a tenth of the time before the warning.
			if after := at.Sub(used); after < 7*time.Second {
				t.Errorf("%s: cut %s after the last use", name, after)
			}
		case <-time.After(rig.Patience):
			t.Errorf("%s: never cut", name)
		}
	}
	entries := s.gw.AwaitSignIns(70008, 1, rig.Patience)
	if len(entries) != 1 || entries[0].Text("appDisplayName") != s.host() || entries[0].Text("ipAddress") == "" || !strings.Contains(entries[0].Text("userAgent"), "Go-http-client") {
		t.Errorf("entries of an idle sign-out: %v", entries)
	}
	for _, ch := range others {
		select {
		case <-ch:
			t.Error("cut although they stay signed in")
		default:
		}
	}
	if n := s.sessions(); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
}

const spaPage = `<!doctype html><html lang="en"><title>App</title><script type="module" src="/spa/app.js"></script>
<main><h1>The app</h1><button type="button" id="load">Load</button><button type="button" id="strong">Strong</button>
<button type="button" id="refused">Refused</button><p id="out">nothing yet</p>
<label for="typed">Note</label><input id="typed"></main></html>`

const spaScript = `import { fetch } from '/.latchkey/assets/session.js';
const out = document.getElementById('out');
const load = async (path, init) => {
  out.textContent = 'waiting';
  const all = await Promise.all([fetch(path, init), fetch(path, init)]);
  out.textContent = all.map((r) => r.status).join() + ' ' + (await all[0].text());
};
document.getElementById('load').onclick = () => load('/api/data', { method: 'POST', body: 'kept body' });
document.getElementById('strong').onclick = () => load('/strong/data');
document.getElementById('refused').onclick = () => load('/status/401');
if (location.hash) {
  document.getElementById('typed').focus();
  load('/api/data', { method: 'POST', body: 'kept body' });
}
`

// board is an open page with a frame that is guarded.
const board = "@private not path /board /spa/*\nhandle /board {\nheader Content-Type text/html\n" +
	"respond `<!doctype html><html lang=\"en\"><title>Board</title><h1>Board</h1><iframe title=\"Widget\" src=\"/widget\"></iframe>`\n}"

// signInFromFrame signs mia in from a frame and comes back to the page with the frame; a page of another site offers the
// content of the frame in a tab of its own (field trial 5.5).
func (s *site) signInFromFrame(b *rig.Browser) {
	s.t.Helper()
	b.Page.Goto(s.url("/board"))
	if text := b.Page.FrameText(); !strings.Contains(text, "You are not signed in") {
		s.t.Errorf("the frame shows %q", text)
	}
	if path := os.Getenv("LATCHKEY_SCREENSHOTS"); path != "" {
		b.Screenshot(filepath.Join(path, "frame.png"))
	}
	b.Page.FrameTap("Sign in")
	rig.Until(s.t, rig.Patience, "the sign-in comes back to the page with the frame", func() bool {
		if !b.Page.TryTap("mia") {
			b.Page.TryTap("No")
		}
		return b.Page.URL() == s.url("/board")
	})
	if text := b.Page.FrameText(); !strings.Contains(text, "/widget") {
		s.t.Errorf("with a session the frame shows %q", text)
	}
	b.Page.Goto("http://localhost" + strings.TrimPrefix(s.app.Addr, "127.0.0.1") + "/another-site")
	var src string
	b.Page.Evaluate(&src, `(document.body.innerHTML = '<iframe src="`+s.url("/widget")+`"></iframe>')`)
	if text := b.Page.FrameText(); !strings.Contains(text, "Inside a page of another site") {
		s.t.Errorf("in a page of another site the frame shows %q", text)
	}
	b.Page.FrameTap("Open in a new tab")
	tab := b.Popup()
	rig.Until(s.t, rig.Patience, "the tab shows the app", func() bool { return strings.Contains(tab.Text(), "/widget") })
}

// TestSessionScript holds F5: an app whose session is over signs its person in beside the page and
// sends the request again, body and all; a stronger sign-in likewise; a 401 of the app itself is passed on.
func TestSessionScript(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{
		before: spa(t, map[string]string{"index.html": spaPage, "app.js": spaScript}) + "\n" + board, matcher: "@private",
		site: "policy strong /strong/* {\nrequire mfa\n}",
	})
	b := rig.NewBrowser(t, rig.BrowserOptions{PopupsBlocked: true})
	s.signInFromFrame(b)
	b.Page.Goto(s.url("/spa/"))
	var mark string
	b.Page.Evaluate(&mark, `window.mark = 'not reloaded'`)
	shows := func(text string) {
		t.Helper()
		if !rig.Holds(rig.Patience, func() bool { return strings.Contains(b.Page.Text(), text) }) {
			t.Fatalf("the app does not show %s: %s", text, b.Page.Text())
		}
	}
	b.Page.Tap("Refused")
	shows("401,401")

	b.ClearCookies(s.cookie(""))
	b.Page.Tap("Load")
	w := b.Popup()
	s.through(w, "mia", "Yes")
	shows("200,200")
	if text := b.Page.Text(); !strings.Contains(text, "kept body") {
		t.Errorf("the body is lost: %s", text)
	}

	b.Page.Tap("Strong")
	w = b.Popup()
	s.through(w, "mia", "")
	shows("200,200")
	if b.Page.Evaluate(&mark, `window.mark`); mark != "not reloaded" {
		t.Error("the page was left")
	}

	s.askedFirst(b, shows)
	for _, e := range b.Events() {
		if strings.Contains(e, "Content Security Policy") || strings.Contains(e, "page error") {
			t.Errorf("the browser says: %s", e)
		}
	}
}

// askedFirst: without a click just before, the browser blocks the window. A dialog asks, its link opens the window, and what
// was typed stays (field trial 5.11).
func (s *site) askedFirst(b *rig.Browser, shows func(string)) {
	t := s.t
	t.Helper()
	asked := func() {
		t.Helper()
		b.ClearCookies(s.cookie(""))
		b.Page.Goto("about:blank")
		b.Page.Goto(s.url("/spa/#at-once"))
		if !rig.Holds(rig.Patience, func() bool { return b.Page.Has("Not now") }) {
			// Without a dialog the script waits for a window that opened after all, or for an answer that is not there.
			var asked []string
			b.Page.Evaluate(&asked, `performance.getEntriesByType('resource').map((r) => r.responseStatus + ' ' + r.name)`)
			t.Fatalf("no dialog: %s; the page has loaded %v; the browser says %v", b.Page.Text(), asked, b.Events())
		}
	}
	asked()
	for _, finding := range b.Axe() {
		t.Error(finding)
	}
	if path := os.Getenv("LATCHKEY_SCREENSHOTS"); path != "" {
		b.Screenshot(filepath.Join(path, "sign-in-window.png"))
		b.Look(320, 480, true)
		b.Screenshot(filepath.Join(path, "sign-in-window-small.png"))
	}
	var focused string
	b.Page.Evaluate(&focused, `document.activeElement.shadowRoot?.activeElement.textContent ?? 'the page'`)
	if focused != "Sign in" {
		t.Errorf("the focus is on %q", focused)
	}
	b.Page.Press("Escape")
	shows("401,401")
	if b.Page.Evaluate(&focused, `document.activeElement.id`); b.Page.Has("Not now") || focused != "typed" {
		t.Errorf("after Esc the focus is on %q", focused)
	}

	asked()
	var typed string
	b.Page.Evaluate(&typed, `document.getElementById('typed').value = 'typed before'`)
	b.Page.Tap("Sign in")
	s.through(b.Popup(), "mia", "Yes")
	shows("200,200")
	if b.Page.Evaluate(&typed, `document.getElementById('typed').value`); typed != "typed before" || b.Page.Has("Not now") {
		t.Errorf("what was typed: %q", typed)
	}

	// Blocked within the click too: the link opens a tab.
	asked()
	var done bool
	b.Page.Evaluate(&done, `(window.open = () => null) === null || true`)
	b.Page.Tap("Sign in")
	tab := b.Popup()
	rig.Until(t, rig.Patience, "the sign-in in the tab is done", func() bool {
		if !tab.TryTap("mia") {
			tab.TryTap("Yes")
		}
		return strings.Contains(b.Page.Text(), "200,200")
	})
}

// through signs in in a window that may close at any time: what is shown is pressed until nothing is.
func (s *site) through(w *rig.Page, user, answer string) {
	s.t.Helper()
	rig.Until(s.t, rig.Patience, "the sign-in in the window is done and the window closed", func() bool {
		for _, name := range []string{user, answer} {
			if name != "" {
				w.TryTap(name)
			}
		}
		return w.Closed()
	})
}
