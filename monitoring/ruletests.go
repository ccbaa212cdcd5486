package monitoring

import (
	"fmt"
	"maps"
)

// The form of a file with tests of rules.
type (
	testFile struct {
		RuleFiles          []string   `yaml:"rule_files"`
		EvaluationInterval string     `yaml:"evaluation_interval"`
		Tests              []ruleTest `yaml:"tests"`
	}
	ruleTest struct {
		Name      string       `yaml:"name"`
		Interval  string       `yaml:"interval"`
		Series    []testSeries `yaml:"input_series"`
		AlertTest []alertTest  `yaml:"alert_rule_test"`
	}
	testSeries struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	}
	alertTest struct {
		EvalTime string     `yaml:"eval_time"`
		Alert    string     `yaml:"alertname"`
		Expect   []expected `yaml:"exp_alerts"`
	}
	expected struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	}
)

// healthy are the series of a gateway with which all is well.
func healthy() []testSeries {
	at := `{` + atGateway + `}`
	label := func(more string) string { return `{` + atGateway + `,` + more + `}` }
	return []testSeries{
		{"caddy_latchkey_store_state" + label(`state="ok"`), "1x200"},
		{"caddy_latchkey_store_state" + label(`state="cache_only"`), "0x200"},
		{"caddy_latchkey_store_outages_total" + at, "0x200"},
		{"caddy_latchkey_requests_total" + label(`decision="allow",reason="allowed"`), "0+600x200"},
		{"caddy_latchkey_requests_total" + label(`decision="block",reason="not_admitted"`), "0+1x200"},
		{"caddy_latchkey_sign_ins_total" + label(`provider="main",code="0",status="success"`), "0+10x200"},
		{"caddy_latchkey_sign_ins_total" + label(`provider="main",code="900002",status="failure"`), "0x200"},
		{"caddy_latchkey_renewals_total" + label(`provider="main",result="renewed"`), "0+10x200"},
		{"caddy_latchkey_provider_state" + label(`provider="main",state="ok"`), "1x200"},
		{"caddy_latchkey_provider_state" + label(`provider="main",state="unavailable"`), "0x200"},
		{"caddy_latchkey_provider_clock_ahead_seconds" + label(`provider="main"`), "-1x200"},
		{"caddy_latchkey_key_ring_rotation_due_seconds" + at, "0x200"},
		{"caddy_latchkey_key_ring_read_seconds" + at, "0+60x200"},
		{"caddy_latchkey_sign_in_log_lost_total" + at, "0x200"},
		{"caddy_latchkey_sign_in_log_waiting" + at, "3x200"},
		{"caddy_latchkey_pending_sign_ins" + at, "12x200"},
		{"caddy_latchkey_store_file_free_bytes" + at, "9e10x200"},
		{"caddy_latchkey_signals_state" + label(`stream="hub",state="ok"`), "1x200"},
		{"caddy_latchkey_provider_client_certificate_ends_seconds" + label(`provider="main"`), "9e8x200"},
	}
}

// RuleTests returns tests of the rules as the YAML that promtool reads: each alert fires for its reason, after its time and
// not at the beginning; and none fires while all is well.
func RuleTests() ([]byte, error) {
	well := ruleTest{Name: "all is well", Interval: "1m", Series: healthy()}
	file := testFile{RuleFiles: []string{"latchkey.rules.yml"}, EvaluationInterval: "1m"}
	for _, a := range alerts() {
		well.AlertTest = append(well.AlertTest, alertTest{EvalTime: "3h", Alert: a.name, Expect: []expected{}})
		labels := maps.Clone(a.labels)
		labels["severity"] = a.severity
		t := ruleTest{Name: a.name, Interval: "1m", AlertTest: []alertTest{
			{EvalTime: "0m", Alert: a.name, Expect: []expected{}},
			{EvalTime: fmt.Sprintf("%dm", a.after), Alert: a.name, Expect: []expected{{Labels: labels, Annotations: annotations(a.name, a.says)}}},
		}}
		if a.wait == "0m" {
			t.AlertTest = t.AlertTest[1:]
		}
		for _, s := range a.fires {
			t.Series = append(t.Series, testSeries{s.name, s.values})
		}
		file.Tests = append(file.Tests, t)
	}
	file.Tests = append(file.Tests, well)
	return inYAML(file)
}
