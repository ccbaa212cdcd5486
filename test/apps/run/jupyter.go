package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// jupyter is Debian's Jupyter Notebook. Every client that reaches it is its one user.
type jupyter struct{ root, found string }

func (a *jupyter) name() string        { return "Jupyter Notebook" }
func (a *jupyter) version() string     { return a.found }
func (a *jupyter) page() string        { return "jupyter" }
func (a *jupyter) path() string        { return "/tree" }
func (a *jupyter) shows(string) string { return "The notebook list is empty." }

func (a *jupyter) install(cache string) (err error) {
	a.root, a.found, err = tryout.DebianProgram(cache, "jupyter", "jupyter-notebook")
	return err
}

func (a *jupyter) start(t testing.TB, p place) map[string]string {
	file := filepath.Join(p.dir, "jupyter_notebook_config.py")
	conf := strings.ReplaceAll(block(t, p.page, "python"), "'notebook.example.com'", "'"+siteHost+"'")
	writeFile(t, file, conf+fmt.Sprintf("c.NotebookApp.port = %d\nc.NotebookApp.allow_root = True\nc.NotebookApp.notebook_dir = %q\n", p.port, filepath.Join(p.dir, "work")))
	writeFile(t, filepath.Join(p.dir, "work", ".keep"), "")
	env := append(tryout.DebianEnvironment(a.root), "PYTHONPATH="+filepath.Join(a.root, "usr/lib/python3/dist-packages"),
		"JUPYTER_PATH="+filepath.Join(a.root, "usr/share/jupyter"), "HOME="+p.dir, "SHELL=/bin/sh")
	run := tryout.Start(t, p.dir, p.port, env, "/usr/bin/python3", "-m", "notebook", "--config="+file, "--no-browser")
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"jupyter:8888": p.addr}
}

// socket begins a terminal, which echoes what is typed.
func (a *jupyter) socket(t testing.TB, c *rig.HTTP, origin string) (path, hello, said string) {
	c.Get(origin + "/tree") // sets _xsrf
	r := c.Do(rig.Call{Method: http.MethodPost, URL: origin + "/api/terminals", Header: http.Header{
		"X-XSRFToken": {c.Cookie(siteHost, "_xsrf")}, "Origin": {origin}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"application/json"},
	}})
	var terminal struct{ Name string }
	if err := json.Unmarshal([]byte(r.Text), &terminal); err != nil || terminal.Name == "" {
		t.Fatalf("no terminal: %d %s", r.StatusCode, r.Text)
	}
	return "/terminals/websocket/" + terminal.Name, `["stdin","echo $((6*7))\r"]`, "42"
}

func (a *jupyter) program(t testing.TB, origin, token string) (string, error) {
	r := rig.NewHTTP(t).Do(rig.Call{URL: origin + "/api/contents", Header: http.Header{
		"Authorization": {"Bearer " + token}, "User-Agent": {"python-requests/2.32"}, "Accept": {"application/json"},
	}})
	if r.StatusCode != http.StatusOK || !strings.Contains(r.Text, `"directory"`) {
		return "the contents API", fmt.Errorf("%d", r.StatusCode)
	}
	return "the contents API", nil
}
