package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

const (
	nodeREDVersion = "5.0.7"
	nodeREDNode    = "22.23.3" // it needs 22.9 or newer
)

// nodeRED is the npm package, with the settings of its page.
type nodeRED struct{ dir string }

func (a *nodeRED) name() string             { return "Node-RED" }
func (a *nodeRED) version() string          { return nodeREDVersion }
func (a *nodeRED) page() string             { return "node-red" }
func (a *nodeRED) path() string             { return "/" }
func (a *nodeRED) header() string           { return "Remote-User" }
func (a *nodeRED) shows(user string) string { return "Node-RED" }

func (a *nodeRED) install(cache string) error {
	a.dir = filepath.Join(cache, "node-red-"+nodeREDVersion)
	if _, err := os.Stat(filepath.Join(a.dir, "node_modules", "node-red", "red.js")); err == nil {
		return nil
	}
	if err := os.MkdirAll(a.dir, 0o750); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	return tryout.Command(a.dir, nil, "npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "--loglevel=error", "node-red@"+nodeREDVersion, "node@"+nodeREDNode)
}

func (a *nodeRED) start(t testing.TB, p place) map[string]string {
	writeFile(t, filepath.Join(p.dir, "settings.js"), block(t, p.page, "js"))
	run := tryout.Start(t, p.dir, p.port, nil, filepath.Join(a.dir, "node_modules/.bin/node"), filepath.Join(a.dir, "node_modules/node-red/red.js"),
		"--userDir", p.dir, "--settings", filepath.Join(p.dir, "settings.js"), "-D", "uiHost=127.0.0.1", "-p", fmt.Sprint(p.port))
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"node-red:1880": p.addr}
}

func (a *nodeRED) user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string {
	return readUser(t, c, origin+"/settings", header, func(text string) string {
		var settings struct{ User struct{ Username string } }
		if json.Unmarshal([]byte(text), &settings) != nil {
			return ""
		}
		return settings.User.Username
	})
}

func (a *nodeRED) socket(testing.TB, *rig.HTTP, string) (path, hello, said string) {
	return "/comms", `{"subscribe":"notification/#"}`, "topic"
}

func (a *nodeRED) program(t testing.TB, origin, token string) (string, error) {
	r := rig.NewHTTP(t).Do(rig.Call{URL: origin + "/flows", Header: http.Header{
		"Authorization": {"Bearer " + token}, "User-Agent": {"curl/8.9.1"}, "Accept": {"application/json"},
	}})
	if r.StatusCode != http.StatusOK {
		return "the admin API", fmt.Errorf("%d", r.StatusCode)
	}
	return "the admin API", nil
}
