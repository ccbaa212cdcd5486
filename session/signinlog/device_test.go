package signinlog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
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

// L1: the store keeps no deviceDetail that the User-Agent says; an entry that is read has it, as the log on disk.
func TestDeviceIsNotStored(t *testing.T) {
	l := &Log{Config: Config{Keys: keyringtest.Ring(t, 'k')}}
	agent := "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	for name, r := range map[string]Record{
		"usual": {UserAgent: agent}, "unknown agent": {UserAgent: "curl/8.5.0"}, "no agent": {},
		"stated": {UserAgent: agent, Managed: "true"}, "stated, unreadable": {UserAgent: agent, Managed: "unreadable"},
		"between": {UserAgent: agent, TokenID: "t", BoundTo: BoundToDevice, SignInRisk: "low", UserRisk: "high"},
		"risk":    {UserAgent: agent, ClientID: "c", UserRisk: "high"},
		"hostile": {UserAgent: agent + `","deviceDetail":{},"isInteractive":`, UserName: `,"boundTo":`, App: `,`},
	} {
		r.Created = time.Unix(0, 0).UTC()
		sealed, err := l.seal("stream", r)
		if err != nil {
			t.Fatal(err)
		}
		e, err := l.open("stream", sealed)
		if text := string(encoded(t, r)); err != nil || string(e.text) != text {
			t.Errorf("%s: %v\n%s, want\n%s", name, err, e.text, text)
		}
	}
	usual, err := l.seal("stream", Record{UserAgent: agent})
	if err != nil {
		t.Fatal(err)
	}
	stated, err := l.seal("stream", Record{UserAgent: agent, Managed: "true"})
	if err != nil {
		t.Fatal(err)
	}
	if less := len(stated) - len(usual); less < 30 {
		t.Errorf("deviceDetail takes %d bytes", less)
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
