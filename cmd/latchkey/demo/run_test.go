package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-gateway/latchkey/cmd/latchkey/demo/provider"
)

// running is a demo under way in this process.
type running struct {
	stop func() error
	out  string
}

// start runs the demo until stop, or the end of the test.
func start(t *testing.T, o Options) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Run(ctx, o, write)
		write.CloseWithError(io.EOF)
		done <- err
	}()
	var out strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(out.String(), "Press Ctrl-C") {
		n, err := read.Read(buf)
		out.Write(buf[:n])
		if err != nil {
			t.Fatalf("the demo did not start: %v", <-done)
		}
	}
	go io.Copy(io.Discard, read) //nolint:errcheck // what it says while it stops
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(time.Minute):
			return errors.New("still running after a minute")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return running{stop: stop, out: out.String()}
}

// browser walks through pages as a person without JavaScript does.
type browser struct {
	t      *testing.T
	client *http.Client
}

type page struct {
	url    *url.URL
	status int
	text   string
	form   url.Values
	action string
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

func (b *browser) do(method, target string, form url.Values, from *url.URL) page {
	b.t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", "none")
	if from != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", from.Scheme+"://"+from.Host)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{url: resp.Request.URL, status: resp.StatusCode, text: string(body), form: url.Values{}}
	if _, next, ok := strings.Cut(resp.Header.Get("Refresh"), "url="); ok {
		u, err := p.url.Parse(next)
		if err != nil {
			b.t.Fatal(err)
		}
		return b.get(u.String())
	}
	root, err := html.Parse(strings.NewReader(p.text))
	if err != nil {
		b.t.Fatal(err)
	}
	for n := range root.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch {
		case n.Data == "form":
			u, err := p.url.Parse(attr["action"])
			if err != nil {
				b.t.Fatal(err)
			}
			p.action = u.String()
		case n.Data == "input" && attr["type"] == "hidden":
			p.form.Set(attr["name"], attr["value"])
		}
	}
	return p
}

func (b *browser) get(target string) page { return b.do(http.MethodGet, target, nil, nil) }

// press submits the only form of a page with one button.
func (b *browser) press(p page, name, value string) page {
	b.t.Helper()
	if p.action == "" {
		b.t.Fatalf("no form at %s:\n%s", p.url, p.text)
	}
	p.form.Set(name, value)
	return b.do(http.MethodPost, p.action, p.form, p.url)
}

// signIn goes to path without a session and chooses a user.
func (b *browser) signIn(site, path string, who provider.Person) page {
	b.t.Helper()
	p := b.get(site + path)
	if !strings.Contains(p.text, "Demo sign-in: no password.") {
		b.t.Fatalf("%s led to %s, not to the provider:\n%s", path, p.url, p.text)
	}
	return b.press(p, "person", who.Sub)
}

func (p page) expect(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("%s: status %d, want %d", p.url, p.status, status)
	}
	for _, want := range texts {
		if !strings.Contains(p.text, want) {
			t.Errorf("%s lacks %q:\n%s", p.url, want, p.text)
		}
	}
}

func options(t *testing.T) Options {
	t.Helper()
	var ports [3]uint16
	for i, s := range freePorts(t, 3) {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = uint16(n)
	}
	return Options{Port: ports[0], ProviderPort: ports[1], AppPort: ports[2], DataDir: t.TempDir()}
}

// Each of the three, Yes and No, over a restart of the demo.
func TestDemo(t *testing.T) {
	ada, sam, gia := provider.People[0], provider.People[1], provider.People[2]
	run := func(t *testing.T, o Options) {
		site := o.url()
		first := start(t, o)
		for _, want := range []string{site, "Ada Admin", "Sam Staff", "Gia Guest"} {
			if !strings.Contains(first.out, want) {
				t.Errorf("does not say %q:\n%s", want, first.out)
			}
		}
		yes, no, guest := newBrowser(t), newBrowser(t), newBrowser(t)

		prompt := yes.signIn(site, "/admin", ada)
		prompt.expect(t, 200, "Stay signed in?")
		yes.press(prompt, "answer", "yes").expect(t, 200, "For admins", "Ada Admin")
		yes.get(site).expect(t, 200, "Hello <bdi>Ada Admin</bdi>", "ada@example.com", "persistent", "outlasts the browser")

		no.press(no.signIn(site, "/", sam), "answer", "no").expect(t, 200, "Hello <bdi>Sam Staff</bdi>", "ends with the browser")
		no.get(site+"/admin").expect(t, 403, "admins-only")

		guest.signIn(site, "/", gia).expect(t, 200, "Hello <bdi>Gia Guest</bdi>", "ends with the browser")
		guest.get(site+"/admin/x").expect(t, 403)

		if err := first.stop(); err != nil {
			t.Fatal(err)
		}
		second := start(t, o)
		yes.get(site).expect(t, 200, "Hello <bdi>Ada Admin</bdi>")
		no.get(site).expect(t, 200, "Hello <bdi>Sam Staff</bdi>") // the browser has not been closed

		signedOut := yes.press(yes.get(site+"/.latchkey/sign-out"), "everywhere", "")
		if signedOut.url.Path != "/.latchkey/signed-out" {
			t.Errorf("sign-out ended at %s", signedOut.url)
		}
		yes.get(site).expect(t, 200, "Who is signing in?")

		resp, err := http.Get(site + "/api/time")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a program without a session: %s", resp.Status)
		}
		if err := second.stop(); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("file", func(t *testing.T) { run(t, options(t)) })
	t.Run("redis", func(t *testing.T) {
		o := options(t)
		o.RedisURL = startRedis(t)
		run(t, o)
	})
}

// A second demo on the same data directory is told so, whichever ports it takes.
func TestSecondDemo(t *testing.T) {
	o := options(t)
	start(t, o)
	err := Run(t.Context(), o, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("the same ports: %v", err)
	}
	other := options(t)
	other.DataDir = o.DataDir
	err = Run(t.Context(), other, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "another demo uses "+o.DataDir) {
		t.Errorf("the same directory: %v", err)
	}
}

func startRedis(t *testing.T) string {
	t.Helper()
	address := "127.0.0.1:" + freePorts(t, 1)[0]
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-server is needed for this test: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	target := "redis://" + address + "/0"
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := reach(t.Context(), target)
		if err == nil {
			return target
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server did not start: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
