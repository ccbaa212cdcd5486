package monitoring

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files")

func TestFilesAreCurrent(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for path, made := range files {
		if filepath.Ext(path) == ".md" { // the last line of a document says when it was checked, by hand
			is, _ := os.ReadFile(path)
			made = append(made, checkedOn.Find(is)...)
		}
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, made, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if is, err := os.ReadFile(path); err != nil || !bytes.Equal(is, made) {
			t.Errorf("%s is not what is made now (%v): go test ./monitoring -update", path, err)
		}
	}
}

var checkedOn = regexp.MustCompile(`\n\*For Latchkey [^\n]*\*\n$`)

var (
	metricInQuery = regexp.MustCompile(`caddy_latchkey_[a-z0-9_]+(\{[^}]*\})?`)
	matcherLabel  = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	grouped       = regexp.MustCompile(`\bby \(([^)]*)\)`)
	inLegend      = regexp.MustCompile(`\{\{ ?\$?(?:labels\.)?([a-z]+) ?\}\}`)
	recorded      = regexp.MustCompile(`latchkey:[a-z0-9_:]+`)
)

// every scraped series has these labels.
var scraped = []string{"job", "instance"}

// exported returns the metric that a series in a query belongs to.
func exported(series string) (Metric, bool) {
	name := strings.TrimPrefix(series, Prefix)
	for _, m := range Metrics() {
		if m.Name == name && m.Kind != histogram {
			return m, true
		}
		if m.Kind == histogram && slices.Contains([]string{"_bucket", "_count", "_sum"}, strings.TrimPrefix(name, m.Name)) {
			m.Labels = append(slices.Clone(m.Labels), "le")
			return m, true
		}
	}
	return Metric{}, false
}

// checkQuery holds a query against the metrics, and returns those that it uses.
func checkQuery(t *testing.T, where, expr string, labels []string) (used []string) {
	t.Helper()
	have := slices.Clone(scraped)
	for _, series := range metricInQuery.FindAllString(expr, -1) {
		name, matchers, _ := strings.Cut(series, "{")
		m, ok := exported(name)
		if !ok {
			t.Errorf("%s: there is no metric %s", where, name)
			continue
		}
		used = append(used, m.Name)
		have = append(have, m.Labels...)
		for _, found := range matcherLabel.FindAllStringSubmatch(matchers, -1) {
			if !slices.Contains(m.Labels, found[1]) && !slices.Contains(scraped, found[1]) {
				t.Errorf("%s: %s has no label %s", where, name, found[1])
			}
		}
	}
	_, rules := Alerts()
	for _, name := range recorded.FindAllString(expr, -1) {
		rule, ok := rules[name]
		if !ok {
			t.Errorf("%s: there is no recording rule %s", where, name)
		}
		for _, by := range grouped.FindAllStringSubmatch(rule, -1) {
			have = append(have, strings.Split(by[1], ", ")...)
		}
	}
	for _, by := range grouped.FindAllStringSubmatch(expr, -1) {
		labels = append(labels, strings.Split(by[1], ", ")...)
	}
	for _, label := range labels {
		if !slices.Contains(have, label) {
			t.Errorf("%s: the query has no label %s", where, label)
		}
	}
	if len(used) == 0 && !strings.Contains(expr, "latchkey:") {
		t.Errorf("%s: no metric of the gateway", where)
	}
	return used
}

// Each query uses metrics and labels that the gateway exports, and each metric is shown or has a reason why not.
func TestDashboardShowsTheMetrics(t *testing.T) {
	shown := map[string]bool{}
	for _, r := range rows() {
		for _, p := range r.panels {
			for _, q := range p.queries {
				var labels []string
				for _, found := range inLegend.FindAllStringSubmatch(q.legend, -1) {
					labels = append(labels, found[1])
				}
				for _, name := range checkQuery(t, p.title, q.expr, labels) {
					shown[name] = true
				}
			}
		}
	}
	for _, m := range Metrics() {
		if shown[m.Name] == (m.LeftOut != "") {
			t.Errorf("%s is shown: %v; left out because: %q", m.Name, shown[m.Name], m.LeftOut)
		}
	}
}

// Each rule uses metrics and labels that the gateway exports, and what an alert says names labels that it has.
func TestRulesUseTheMetrics(t *testing.T) {
	names, rules := Alerts()
	for name, expr := range rules {
		checkQuery(t, name, expr, nil)
	}
	for _, a := range alerts() {
		var labels []string
		for _, found := range inLegend.FindAllStringSubmatch(a.summary, -1) {
			labels = append(labels, found[1])
		}
		for _, label := range labels {
			if _, has := a.labels[label]; !has && !strings.Contains(a.expr, "by (job, "+label) {
				t.Errorf("%s: the summary names %s", a.name, label)
			}
		}
		if a.wait == "" || a.summary == "" || a.severity != critical && a.severity != warning || len(a.fires) == 0 || a.after == 0 {
			t.Errorf("%s lacks something", a.name)
		}
	}
	if len(names) < 30 || len(names) != len(slices.Compact(slices.Sorted(slices.Values(names)))) {
		t.Errorf("%d alerts, or one twice", len(names))
	}
}

// A word in a query that is a label's value is one that the code writes.
func TestValuesInQueries(t *testing.T) {
	document, err := os.ReadFile("../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	value := regexp.MustCompile(`(decision|reason|state|result|code|step)(?:=~|!~|!=|=)"([^"$]+)"`)
	queries := maps.Clone(Queries())
	_, rules := Alerts()
	for name, expr := range rules {
		queries[expr] = name
	}
	seen := 0
	for expr, where := range queries {
		for _, found := range value.FindAllStringSubmatch(expr, -1) {
			for word := range strings.SplitSeq(found[2], "|") {
				seen++
				if !bytes.Contains(document, []byte("\n| `"+word+"` |")) {
					t.Errorf("%s: %s is never %q", where, found[1], word)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d values were found", seen)
	}
}
