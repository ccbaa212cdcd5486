//go:build packages

package packages

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// answering is a Caddyfile whose site on a port answers with a text.
func answering(port int, text string) string {
	return fmt.Sprintf("{\n\tpersist_config off\n}\n\nhttp://localhost:%d {\n\trespond %q\n}\n", port, text)
}

// said returns what the site on a port answers.
func said(port int) string {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(fmt.Sprintf("http://localhost:%d/", port))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// A broken Caddyfile never takes a running server down: neither a reload nor an upgrade. With a good one an upgrade restarts it.
func TestService(t *testing.T) {
	d := newDebian(t)
	d.boot()
	d.install(*deb)
	if is := d.do("systemctl", "is-active", "latchkey"); is != "active" {
		t.Fatalf("after the installation it is %s", is)
	}
	d.do("latchkey", "healthcheck")
	port := rig.FreePort(t)
	d.write(caddyfile, answering(port, "one"), 0o644)
	d.do("systemctl", "reload", "latchkey")
	first := d.service()
	if got := said(port); got != "one" {
		t.Fatalf("after a reload: %s", got)
	}

	d.write(caddyfile, "http://localhost {\n\tno_such_word\n}\n", 0o644)
	if out, err := d.try("systemctl", "reload", "latchkey"); err == nil {
		t.Errorf("a broken Caddyfile was loaded: %s", out)
	}
	if said(port) != "one" || d.service() != first {
		t.Errorf("after a reload that was refused: %s, process %s, before %s", said(port), d.service(), first)
	}
	out := d.install(next(t, nil))
	if said(port) != "one" || d.service() != first {
		t.Errorf("after an upgrade with a broken Caddyfile: %s, process %s, before %s", said(port), d.service(), first)
	}
	if !strings.Contains(out, "no_such_word") || !strings.Contains(out, "was not restarted") {
		t.Errorf("the upgrade says:\n%s", out)
	}

	d.write(caddyfile, answering(port, "two"), 0o644)
	d.install(*deb, "--force-downgrade")
	if got := said(port); got != "two" || d.service() == first {
		t.Errorf("after an upgrade with a good Caddyfile: %s, process %s, before %s", got, d.service(), first)
	}

	before := d.service()
	d.do("kill", "-KILL", before)
	rig.Until(t, 20*time.Second, "the service after a crash", func() bool { return said(port) == "two" })
	d.do("dpkg", "--remove", "latchkey")
	if out, err := d.try("pidof", "latchkey"); err == nil {
		t.Errorf("after the removal it still runs: %s", out)
	}
}

// The service may do what the unit says and no more. It binds a port below 1024 without being root.
func TestLimitsOfTheService(t *testing.T) {
	d := newDebian(t)
	d.boot()
	d.install(*deb)
	d.write(caddyfile, answering(80, "low"), 0o644)
	d.do("systemctl", "restart", "latchkey")
	if got := said(80); got != "low" {
		t.Errorf("port 80: %s", got)
	}
	status := d.do("cat", "/proc/"+d.service()+"/status")
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000400", "CapBnd:\t0000000000000400"} {
		if !strings.Contains(status, want) {
			t.Errorf("the process has no %q:\n%s", want, status)
		}
	}
	security := d.do("systemd-analyze", "security", "--no-pager", "latchkey")
	overall := security[strings.LastIndex(security, "\n")+1:]
	t.Log(overall)
	if !strings.Contains(overall, "level for latchkey.service: 1.") {
		t.Error("its exposure is more than 2.0")
	}
	// What the operator broke in the environment, and a doctor that finds no provider, hold no start up.
	if err := os.Remove(filepath.Join(d.root, environment)); err != nil {
		t.Fatal(err)
	}
	d.write(caddyfile, strings.Replace(answering(80, "still"), "persist_config off",
		"persist_config off\n\tlatchkey {\n\t\tprovider {\n\t\t\tissuer http://localhost:9\n\t\t\tclient_id a\n\t\t\tclient_secret b\n\t\t}\n\t}", 1), 0o644)
	d.do("systemctl", "restart", "latchkey")
	if got := said(80); got != "still" {
		t.Errorf("with a provider that is down: %s", got)
	}
	if journal := d.do("journalctl", "--no-pager", "--unit", "latchkey"); !strings.Contains(journal, "fail  provider") {
		t.Errorf("doctor said nothing:\n%s", journal)
	}
	before := d.service()
	if out := d.install(next(t, nil)); d.service() == before || said(80) != "still" {
		t.Errorf("an upgrade without an environment did not restart the service:\n%s", out)
	}
}
