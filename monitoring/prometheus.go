package monitoring

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// runbookURL is where the sections of the runbook are; the anchor of an alert is its name in lower case.
const runbookURL = "https://github.com/latchkey-gateway/latchkey/blob/main/docs/runbook.md#"

// note stands at the beginning of each file that Prometheus reads.
const note = "# Made by `go test ./monitoring -update`. Change monitoring/*.go instead.\n"

// The form of a file of rules, and of one with tests of rules.
type (
	ruleFile struct {
		Groups []ruleGroup `yaml:"groups"`
	}
	ruleGroup struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	rule struct {
		Record      string            `yaml:"record,omitempty"`
		Alert       string            `yaml:"alert,omitempty"`
		Expr        string            `yaml:"expr"`
		For         string            `yaml:"for,omitempty"`
		Labels      map[string]string `yaml:"labels,omitempty"`
		Annotations map[string]string `yaml:"annotations,omitempty"`
	}
)

// Rules returns the recording and alerting rules as the YAML that Prometheus reads.
func Rules() ([]byte, error) {
	kept, raised := ruleGroup{Name: "latchkey-recording"}, ruleGroup{Name: "latchkey"}
	for _, r := range recordings() {
		kept.Rules = append(kept.Rules, rule{Record: r.name, Expr: r.expr})
	}
	for _, a := range alerts() {
		raised.Rules = append(raised.Rules, rule{
			Alert: a.name, Expr: a.expr, For: a.wait, Labels: map[string]string{"severity": a.severity},
			Annotations: annotations(a.name, a.summary),
		})
	}
	return inYAML(ruleFile{Groups: []ruleGroup{kept, raised}})
}

func annotations(name, summary string) map[string]string {
	return map[string]string{"summary": summary, "runbook_url": runbookURL + strings.ToLower(name)}
}

// Alerts returns the names of the alerts, and the expressions of all rules by their names.
func Alerts() (names []string, exprs map[string]string) {
	exprs = map[string]string{}
	for _, r := range recordings() {
		exprs[r.name] = r.expr
	}
	for _, a := range alerts() {
		names = append(names, a.name)
		exprs[a.name] = a.expr
	}
	return names, exprs
}

func inYAML(v any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(note)
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}
