package rig

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// BrowserOptions say what kind of browser to open. The zero value is an ordinary desktop in English.
type BrowserOptions struct {
	// Lasting gives the browser a process and a profile on disk, which a Restart needs, and all that Chromium has around its
	// engine. Without it, it is the engine alone, and shares its process with other tests' browsers, but nothing else.
	Lasting       bool
	Dark          bool
	Width, Height int    // of the window; default 1280 by 800
	Locale        string // default en-US
	NoJavaScript  bool
	// IgnoreCertificates accepts the internal authority of `tls internal`.
	IgnoreCertificates bool
	// Binds lets the browser bind sessions to its device, with a key in software. Chromium does so only where it trusts the
	// certificate: Trust is the SHA-256 of the public key in the site's, in base64. It is then a Lasting one.
	Binds bool
	Trust string
	// PopupsBlocked has the browser open no window but within a click, as browsers do. It is then a Lasting one.
	PopupsBlocked bool
	// PageCache has the browser keep the pages that were left for Back, scripts and all, as browsers do. It is then a Lasting
	// one.
	PageCache bool
}

// Browser is a real one. Names under test lead to 127.0.0.1. Its methods fail the test on an error; those named as a page's act on
// the first page.
type Browser struct {
	*Page
	t       testing.TB
	id      string
	options BrowserOptions
	profile string
	open    bool
}

// Page is one tab.
type Page struct {
	t  testing.TB
	b  *Browser
	id string
}

// At is where a page is after a navigation. Status is 0 if the browser saw no response (a page from its cache).
type At struct {
	URL    string
	Status int
}

// Cookie is one entry of the browser's cookie store. Expires is -1 for a session cookie, else seconds since 1970.
type Cookie struct {
	Name, Value, Domain, Path, SameSite string
	Expires                             float64
	HTTPOnly                            bool `json:"httpOnly"`
	Secure                              bool
}

// Fetched is the answer to a script's request.
type Fetched struct {
	Status     int
	URL        string
	Redirected bool
	Headers    map[string]string
	Body       string
}

var browserIDs atomic.Int64

// NewBrowser opens a browser and closes it with the test.
func NewBrowser(t testing.TB, options BrowserOptions) *Browser {
	t.Helper()
	b := &Browser{t: t, id: fmt.Sprintf("b%d", browserIDs.Add(1)), options: options}
	if options.Lasting || options.PopupsBlocked || options.Binds || options.PageCache {
		b.profile = t.TempDir()
	}
	b.launch()
	t.Cleanup(func() {
		if t.Failed() && b.open {
			b.artifact()
		}
		b.Close()
	})
	return b
}

func (b *Browser) launch(args ...string) {
	b.t.Helper()
	o := b.options
	if o.Binds {
		// Without the quota, which permits six proofs in nine minutes: tests have a short life.
		args = append(args, "--ignore-certificate-errors-spki-list="+o.Trust,
			"--enable-features=DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting")
	}
	program := headless
	if b.profile != "" {
		program = chromium
	}
	a, err := drive(b.t).do("launch", map[string]any{
		"browser": b.id, "profile": b.profile, "executable": program(b.t), "args": args, "dark": o.Dark,
		"width": o.Width, "height": o.Height, "locale": o.Locale, "no_javascript": o.NoJavaScript,
		"ignore_https_errors": o.IgnoreCertificates, "popups_blocked": o.PopupsBlocked, "page_cache": o.PageCache,
	})
	if err != nil {
		b.t.Fatalf("opening the browser: %v", err)
	}
	b.Page, b.open = &Page{t: b.t, b: b, id: a.Page}, true
}

// artifact leaves a picture of a failed test's first page in test/artifacts.
func (b *Browser) artifact() {
	dir := filepath.Join(directory(), "artifacts")
	if os.MkdirAll(dir, 0o750) != nil {
		return
	}
	path := filepath.Join(dir, strings.NewReplacer("/", "_", " ", "_").Replace(b.t.Name())+".png")
	if _, err := drive(b.t).do("screenshot", map[string]any{"browser": b.id, "page": b.Page.id, "path": path}); err == nil {
		b.t.Logf("the page as it was: %s", path)
	}
}

// Close closes the browser as a person would; the cookies of a Lasting one that outlive it reach the disk. Closing twice does
// nothing.
func (b *Browser) Close() {
	b.t.Helper()
	if !b.open {
		return
	}
	b.open = false
	if _, err := drive(b.t).do("close", map[string]any{"browser": b.id}); err != nil {
		b.t.Errorf("closing the browser: %v", err)
	}
}

// Restart closes a Lasting browser and opens it again on the same profile, with one empty page.
func (b *Browser) Restart() { b.t.Helper(); b.Close(); b.Reopen() }

// Reopen opens a Lasting browser that Close has closed, with more arguments for this once.
func (b *Browser) Reopen(args ...string) {
	b.t.Helper()
	if b.profile == "" {
		b.t.Fatal("a browser that is not Lasting has no profile to be opened again")
	}
	b.launch(args...)
}

// NewPage opens another tab.
func (b *Browser) NewPage() *Page {
	b.t.Helper()
	a, err := drive(b.t).do("newPage", map[string]any{"browser": b.id})
	if err != nil {
		b.t.Fatalf("opening a tab: %v", err)
	}
	return &Page{t: b.t, b: b, id: a.Page}
}

func (b *Browser) tell(out any, command string, args map[string]any) {
	b.t.Helper()
	if args == nil {
		args = map[string]any{}
	}
	args["browser"] = b.id
	a, err := drive(b.t).do(command, args)
	if err != nil {
		b.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(a.Value, out); err != nil {
			b.t.Fatalf("%s: %v", command, err)
		}
	}
}

// Cookies returns the cookies that the browser would send to an address; with none, all it has.
func (b *Browser) Cookies(urls ...string) []Cookie {
	b.t.Helper()
	var out []Cookie
	b.tell(&out, "cookies", map[string]any{"urls": urls})
	return out
}

// Cookie finds a cookie by its name; ok is false if there is none.
func (b *Browser) Cookie(name string) (c Cookie, ok bool) {
	b.t.Helper()
	for _, c := range b.Cookies() {
		if c.Name == name {
			return c, true
		}
	}
	return Cookie{}, false
}

// AddCookies puts cookies of another browser into this one, as they are.
func (b *Browser) AddCookies(cookies ...Cookie) {
	b.t.Helper()
	list := []map[string]any{}
	for _, c := range cookies {
		list = append(list, map[string]any{
			"name": c.Name, "value": c.Value, "domain": c.Domain, "path": c.Path, "expires": c.Expires,
			"httpOnly": c.HTTPOnly, "secure": c.Secure, "sameSite": c.SameSite,
		})
	}
	b.tell(nil, "addCookies", map[string]any{"cookies": list})
}

// ClearCookies removes the cookies of that name, or all if the name is empty.
func (b *Browser) ClearCookies(name string) {
	b.t.Helper()
	filter := map[string]any{}
	if name != "" {
		filter["name"] = name
	}
	b.tell(nil, "clearCookies", map[string]any{"filter": filter})
}

// Events returns what the pages complained of: script errors, blocked resources.
func (b *Browser) Events() []string {
	b.t.Helper()
	var out []string
	b.tell(&out, "events", nil)
	return out
}
