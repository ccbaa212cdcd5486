package signinlog

import (
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

func TestBrowserAndSystem(t *testing.T) {
	for agent, want := range map[string][2]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                        {"Chrome 142", "Windows"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":          {"Edge 142", "Windows"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":                  {"Safari 26", "macOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1": {"Chrome 142", "iOS"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0":                                                                 {"Firefox 145", "Linux"},
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36":    {"Samsung Internet 29", "Android"},
		"curl/8.5.0":                       {"", ""},
		"":                                 {"", ""},
		"Firefox/":                         {"Firefox", ""},
		"Firefox/99999999999999":           {"Firefox", ""},
		"Firefox/12\"<script>":             {"Firefox 12", ""},
		"(" + strings.Repeat("Linux", 999): {"", "Linux"},
	} {
		if browser, system := BrowserAndSystem(agent); browser != want[0] || system != want[1] {
			t.Errorf("%.60q: %q on %q, want %q", agent, browser, system, want)
		}
	}
}

// L1: what is known of the device and of risks is written; what is not is left out, rather than false or none.
func TestDeviceAndRiskFields(t *testing.T) {
	agent := "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	for want, r := range map[string]Record{
		`"deviceDetail":{"operatingSystem":"Linux","browser":"Firefox 145","isCompliant":true,"isManaged":false}`: {UserAgent: agent, Compliant: "true", Managed: "false"},
		`"deviceDetail":{"operatingSystem":"Linux","browser":"Firefox 145"}`:                                      {UserAgent: agent},
		`"riskLevelDuringSignIn":"high","riskLevelAggregated":"none"`:                                             {SignInRisk: "high", UserRisk: "none"},
	} {
		if text := string(encoded(t, r)); !strings.Contains(text, want) {
			t.Errorf("%s\nhas no %s", text, want)
		}
	}
	text := string(encoded(t, Record{UserAgent: "curl/8.5.0", Compliant: "maybe"}))
	for _, no := range []string{"deviceDetail", "riskLevel", "isCompliant"} {
		if strings.Contains(text, no) {
			t.Errorf("%s\nhas %s", text, no)
		}
	}
}

func encoded(t *testing.T, r Record) []byte {
	t.Helper()
	e := zapcore.NewJSONEncoder(zapcore.EncoderConfig{SkipLineEnding: true})
	if err := r.MarshalLogObject(e); err != nil {
		t.Fatal(err)
	}
	buf, err := e.EncodeEntry(zapcore.Entry{}, nil)
	if err != nil || !json.Valid(buf.Bytes()) {
		t.Fatalf("%s: %v", buf, err)
	}
	return buf.Bytes()
}
