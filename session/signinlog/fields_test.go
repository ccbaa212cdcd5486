package signinlog

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"pgregory.net/rapid"
)

func full() Record {
	return Record{
		ID: "id-1", Created: time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC), CorrelationID: "c-1", SessionID: "s-1",
		UserIssuer: "https://login.example.com/t", UserSubject: "sub#1", UserName: "Alice@Example.com", Guest: true,
		App: "wiki", Provider: "entra", IP: "203.0.113.9", UserAgent: "Mozilla/5.0", Interactive: true,
		BoundTo: BoundToDevice, TokenID: "t-1", ClientID: "cli", PolicyStatus: "failure", Code: FrequencyExceeded, Detail: "sign_in_frequency", PromptReason: "asked",
		Policies: []AppliedPolicy{
			{Name: "mfa", Result: "failure", GrantControls: []string{"mfa"}, SessionControls: []string{"sign_in_frequency 1h"}},
			{Name: "office", Result: "reportOnlyNotApplied"},
		},
		SessionLifetime: []string{FrequencyPeriodic}, Repeats: 3,
		InitiatedBy: &Initiator{Activity: "end session", Name: "ops", Target: "key a3f1"},
	}
}

const fullText = `{"id":"id-1","createdDateTime":"2026-03-04T05:06:07.089Z","correlationId":"c-1","sessionId":"s-1",` +
	`"userId":"https://login.example.com/t#sub#1","userType":"guest","userPrincipalName":"alice@example.com",` +
	`"appDisplayName":"wiki","provider":"entra","ipAddress":"203.0.113.9","userAgent":"Mozilla/5.0","clientAppUsed":"Other clients","tokenId":"t-1","clientId":"cli",` +
	`"boundTo":"device","isInteractive":true,"signInEventTypes":["interactiveUser"],"conditionalAccessStatus":"failure",` +
	`"appliedConditionalAccessPolicies":[{"displayName":"mfa","result":"failure","enforcedGrantControls":["mfa"],` +
	`"enforcedSessionControls":["sign_in_frequency 1h"]},{"displayName":"office","result":"reportOnlyNotApplied"}],` +
	`"sessionLifetimePolicies":[{"expirationRequirement":"signInFrequencyPeriodicReauthentication"}],` +
	`"signInStatus":"interrupted","repeatCount":3,"initiatedBy":{"activityDisplayName":"end session","targetResource":"key a3f1",` +
	`"user":{"displayName":"ops"}},"promptReason":"asked","status":{"errorCode":70044,` +
	`"failureReason":"The sign-in is older than a policy's sign-in frequency allows.","additionalDetails":"sign_in_frequency"}}`

// L1 to L5, L8: the names are Microsoft's, in the store and in the log on disk alike.
func TestFields(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil || string(text) != fullText {
		t.Errorf("%v\n%s, want\n%s", err, text, fullText)
	}
	var logged strings.Builder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{SkipLineEnding: true}), zapcore.AddSync(&logged), zap.InfoLevel)
	Sinks{Zap{zap.New(core)}}.Write(full())
	if logged.String() != fullText {
		t.Errorf("logged: %s", logged.String())
	}
}

// L2, L9: unknown values are omitted, except in fields that every entry has.
func TestFewFields(t *testing.T) {
	text, err := json.Marshal(Record{ID: "i", Created: time.Unix(0, 0), CorrelationID: "i", Code: KeepMeSignedIn})
	want := `{"id":"i","createdDateTime":"1970-01-01T00:00:00.000Z","correlationId":"i","appDisplayName":"","ipAddress":"",` +
		`"clientAppUsed":"Browser","isInteractive":false,"signInEventTypes":["nonInteractiveUser"],"conditionalAccessStatus":"notApplied",` +
		`"signInStatus":"interrupted","status":{"errorCode":50140,"failureReason":` +
		`"This error occurred due to \"Keep me signed in\" interrupt when the user was signing in."}}`
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s, want\n%s", err, text, want)
	}
}

// What is written is read again, whatever names and agents hold.
func TestRoundTrip(t *testing.T) {
	text := rapid.StringOf(rapid.Rune())
	rapid.Check(t, func(t *rapid.T) {
		r := full()
		r.UserName, r.UserAgent, r.Detail = strings.ToLower(text.Draw(t, "name")), text.Draw(t, "agent"), text.Draw(t, "detail")
		r.App, r.Policies[0].Name = text.Draw(t, "app"), text.Draw(t, "policy")
		r.Guest, r.Interactive = rapid.Bool().Draw(t, "guest"), rapid.Bool().Draw(t, "interactive")
		risk, device := rapid.SampledFrom([]string{"", "none", "low", "medium", "high"}), rapid.SampledFrom([]string{"", "true", "false"})
		r.SignInRisk, r.UserRisk = risk.Draw(t, "sign-in risk"), risk.Draw(t, "user risk")
		r.Compliant, r.Managed = device.Draw(t, "compliant"), device.Draw(t, "managed")
		r.Code = rapid.SampledFrom([]Code{Success, KeepMeSignedIn, BlockedByPolicy, 12345}).Draw(t, "code")
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var e Entry
		if err := json.Unmarshal(written, &e); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e.Record, r) || e.Status != r.Code.Status() || e.Reason != r.Code.Reason() {
			t.Fatalf("%+v became %+v", r, e)
		}
	})
}

// A78: an entry of a newer version is passed on unchanged: fields at any depth, and unknown codes and states.
func TestUnknownFields(t *testing.T) {
	newer := `{"id":"i","createdDateTime":"2027-01-02T03:04:05.006Z","riskLevelDuringSignIn":"high","status":{"errorCode":77777,` +
		`"failureReason":"New.","more":[1,{"x":null}]},"signInStatus":"pendingReview","appliedConditionalAccessPolicies":` +
		`[{"displayName":"p","result":"novel","conditionsSatisfied":"users"}],"userPrincipalName":"a","deviceDetail":{"isManaged":true}}`
	var e Entry
	if err := json.Unmarshal([]byte(newer), &e); err != nil {
		t.Fatal(err)
	}
	if e.Code != 77777 || e.Status != "pendingReview" || e.Reason != "New." || e.Policies[0].Result != "novel" {
		t.Errorf("%+v", e)
	}
	if text, err := json.Marshal(e); err != nil || string(text) != newer {
		t.Errorf("%v\n%s, want\n%s", err, text, newer)
	}
}

func TestUnreadable(t *testing.T) {
	for _, bad := range []string{``, `null`, `[]`, `{}`, `{"createdDateTime":"yesterday"}`, `{"createdDateTime":7}`, `{"createdDateTime":"2026-01-02T03:04:05Z","status":{"errorCode":"x"}}`} {
		if err := new(Entry).UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// L10, K21: the codes that interrupt, and no others; every code of ours says what it means.
func TestCodes(t *testing.T) {
	interrupting := []Code{50140, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50199, 16000, 65001, 70043, 70044, 70046, 90095, 500121}
	for _, c := range interrupting {
		if c.Status() != StatusInterrupted {
			t.Errorf("%d is %s", c, c.Status())
		}
	}
	for c, reason := range reasons {
		if reason == "" {
			t.Errorf("%d has no reason", c)
		}
		if !slices.Contains(interrupting, c) && c.Status() != StatusFailure {
			t.Errorf("%d is %s", c, c.Status())
		}
	}
	for _, c := range []Code{50140, 50074, 50076, 70043, 70044, 70046, 50058, 50105, 53000, 53003, 50005, 50173, 70008, 50196, 54005} {
		if c.Reason() == "" {
			t.Errorf("%d has no reason", c)
		}
	}
	if Success.Status() != StatusSuccess || Success.Reason() != "" || Code(12345).Status() != StatusFailure {
		t.Error("success and unknown codes")
	}
}
