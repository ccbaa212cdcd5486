package signinlog

import (
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

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
