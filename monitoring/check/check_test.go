package check

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const prefix = "caddy_latchkey_"

// metric is one of metrics.json, which a test of the gateway holds against what it exports.
type metric struct {
	Name, Kind string
	Labels     []string
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// allowed are the labels of each series that the gateway exports, by its whole name.
func allowed(t *testing.T) map[string][]string {
	t.Helper()
	var metrics []metric
	if err := json.Unmarshal(read(t, "../metrics.json"), &metrics); err != nil || len(metrics) < 40 {
		t.Fatalf("%d metrics, %v", len(metrics), err)
	}
	names := map[string][]string{}
	for _, m := range metrics {
		has := append([]string{"job", "instance"}, m.Labels...)
		if m.Kind != "histogram" {
			names[prefix+m.Name] = has
			continue
		}
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			names[prefix+m.Name+suffix] = append(slices.Clone(has), "le")
		}
	}
	return names
}

// check parses a query and holds each series and label in it against those that exist. It returns the labels of the result
// where they can be told.
func check(t *testing.T, where, expr string, names map[string][]string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	series := 0
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			series++
			has, ok := names[n.Name]
			if !ok {
				t.Errorf("%s: there is no series %q", where, n.Name)
			}
			for _, m := range n.LabelMatchers {
				if m.Name != labels.MetricName && !slices.Contains(has, m.Name) {
					t.Errorf("%s: %s has no label %s", where, n.Name, m.Name)
				}
			}
		case *parser.AggregateExpr:
			for _, label := range n.Grouping {
				if !slices.Contains(below(n.Expr, names), label) {
					t.Errorf("%s: nothing below has the label %s", where, label)
				}
			}
		}
		return nil
	})
	if series == 0 {
		t.Errorf("%s: no series", where)
	}
}

// below are the labels of all series in an expression.
func below(expr parser.Expr, names map[string][]string) (has []string) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if n, ok := node.(*parser.VectorSelector); ok {
			has = append(has, names[n.Name]...)
		}
		return nil
	})
	return has
}

type rules struct {
	Groups []struct {
		Rules []struct{ Record, Alert, Expr string }
	}
}

// series are those of the gateway and those that recording rules make, with their labels.
func series(t *testing.T) (names map[string][]string, file rules) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, "../prometheus/latchkey.rules.yml"), &file); err != nil {
		t.Fatal(err)
	}
	names = allowed(t)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Record == "" {
				continue
			}
			parsed, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
				if n, ok := node.(*parser.AggregateExpr); ok {
					names[r.Record] = append(names[r.Record], n.Grouping...)
				}
				return nil
			})
		}
	}
	return names, file
}

func TestRules(t *testing.T) {
	names, file := series(t)
	checked := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			check(t, r.Record+r.Alert, r.Expr, names)
			checked++
		}
	}
	if checked < 40 {
		t.Errorf("only %d rules", checked)
	}
}

var variable = regexp.MustCompile(`\$__rate_interval`)

func TestDashboard(t *testing.T) {
	data := read(t, "../grafana/latchkey.json")
	var board dashboard.Dashboard
	// It returns a list of errors, which as an error is never nil.
	err := board.UnmarshalJSONStrict(data)
	if list, ok := errors.AsType[cog.BuildErrors](err); !ok || len(list) > 0 {
		t.Fatalf("Grafana's types do not take it: %v", err)
	}
	var file struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	names, _ := series(t)
	checked := 0
	for _, p := range file.Panels {
		for _, target := range p.Targets {
			checked++
			check(t, p.Title, variable.ReplaceAllString(strings.ReplaceAll(target.Expr, "$instance", "gw"), "5m"), names)
		}
	}
	if checked < 40 {
		t.Errorf("only %d queries", checked)
	}
}
