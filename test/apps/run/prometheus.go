package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// prometheus is Debian's Prometheus, which scrapes itself.
type prometheus struct{ root, found string }

func (a *prometheus) name() string        { return "Prometheus" }
func (a *prometheus) version() string     { return a.found }
func (a *prometheus) page() string        { return "prometheus" }
func (a *prometheus) path() string        { return "/api/v1/status/buildinfo" }
func (a *prometheus) shows(string) string { return `"status":"success"` }

func (a *prometheus) install(cache string) (err error) {
	a.root, a.found, err = tryout.DebianProgram(cache, "prometheus", "prometheus")
	return err
}

func (a *prometheus) start(t testing.TB, p place) map[string]string {
	file := filepath.Join(p.dir, "prometheus.yml")
	writeFile(t, file, "scrape_configs:\n  - job_name: self\n    static_configs:\n      - targets: ['"+p.addr+"']\n")
	run := tryout.Start(t, p.dir, p.port, tryout.DebianEnvironment(a.root), filepath.Join(a.root, "usr/bin/prometheus"),
		"--config.file="+file, "--storage.tsdb.path="+filepath.Join(p.dir, "data"), "--web.listen-address="+p.addr, "--web.external-url="+p.origin+"/")
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"prometheus:9090": p.addr}
}

func (a *prometheus) program(t testing.TB, origin, token string) (string, error) {
	r := rig.NewHTTP(t).Do(rig.Call{URL: origin + "/api/v1/query?query=1", Header: http.Header{
		"Authorization": {"Bearer " + token}, "User-Agent": {"Grafana/11.0"}, "Accept": {"application/json"},
	}})
	if r.StatusCode != http.StatusOK || !strings.Contains(r.Text, `"resultType":"scalar"`) {
		return "a query by the API", fmt.Errorf("%d", r.StatusCode)
	}
	return "a query by the API", nil
}
