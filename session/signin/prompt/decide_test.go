package prompt

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

func ptr[T any](v T) *T { return &v }

// TestDecidePrompt is the table of the semantics, section 6, row by row. Each row also carries what every later row
// would say, so that an order that is wrong fails.
func TestDecidePrompt(t *testing.T) {
	everything := Facts{
		Consent: true, Guest: true, HighRisk: true, SharedDevice: true, Offered: false, Inherited: true, IWA: true,
		Remembered: ptr(session.Persistent), Suppress: DefaultSuppress,
	}
	with := func(change func(*Facts)) Facts {
		f := everything
		change(&f)
		return f
	}
	for _, row := range []struct {
		name  string
		facts Facts
		want  Decision
	}{
		{
			"row 1: a live session keeps its answer (X20, X21, X23)", with(func(f *Facts) { f.Live = ptr(session.Persistent) }),
			Decision{Kind: session.Persistent, Reason: ReasonLiveSession},
		},
		{
			"row 1: and so does a browser session", with(func(f *Facts) { f.Live = ptr(session.Browser); f.Persistence = PersistenceAlways }),
			Decision{Kind: session.Browser, Reason: ReasonLiveSession},
		},
		{
			"row 1 with 2: never still tightens (X16, A16)", with(func(f *Facts) { f.Live = ptr(session.Persistent); f.Persistence = PersistenceNever }),
			Decision{Kind: session.Browser, Reason: ReasonPolicyNever},
		},
		{
			"row 2: never (K15, B4, B5)", with(func(f *Facts) { f.Persistence = PersistenceNever }),
			Decision{Kind: session.Browser, Reason: ReasonPolicyNever},
		},
		{
			"row 3: always, whatever the signals say (K15, X15)", with(func(f *Facts) { f.Persistence = PersistenceAlways }),
			Decision{Kind: session.Persistent, Reason: ReasonPolicyAlways},
		},
		{"row 4: consent flow (K13)", everything, Decision{Kind: session.Browser, Reason: ReasonConsent}},
		{"row 5: guest (K11)", with(func(f *Facts) { f.Consent = false }), Decision{Kind: session.Browser, Reason: ReasonGuest}},
		{
			"row 6: high risk (K12, K14)", with(func(f *Facts) { f.Consent, f.Guest = false, false }),
			Decision{Kind: session.Browser, Reason: ReasonHighRisk},
		},
		{
			"row 7: shared device (K14)", with(func(f *Facts) { f.Consent, f.Guest, f.HighRisk = false, false, false }),
			Decision{Kind: session.Browser, Reason: ReasonSharedDevice},
		},
		{
			"row 8: the setting is No (K7)", with(func(f *Facts) { f.Consent, f.Guest, f.HighRisk, f.SharedDevice = false, false, false, false }),
			Decision{Kind: session.Browser, Reason: ReasonSettingOff},
		},
		{
			"row 9: the provider asked (X12, A4)",
			Facts{Offered: true, Inherited: true, IWA: true, Remembered: ptr(session.Browser), Suppress: DefaultSuppress},
			Decision{Kind: session.Persistent, Reason: ReasonInherited},
		},
		{
			"row 10: IWA (K9, K10)",
			Facts{Offered: true, IWA: true, Remembered: ptr(session.Persistent), Suppress: DefaultSuppress},
			Decision{Kind: session.Browser, Reason: ReasonIWA},
		},
		{
			"row 11: remembered Yes (X2, A10)",
			Facts{Offered: true, Remembered: ptr(session.Persistent), Suppress: DefaultSuppress},
			Decision{Kind: session.Persistent, Reason: ReasonRemembered},
		},
		{
			"row 11: remembered No makes nothing persistent",
			Facts{Offered: true, Remembered: ptr(session.Browser), Suppress: DefaultSuppress},
			Decision{Kind: session.Browser, Reason: ReasonRemembered},
		},
		{"row 12: asked (K1, K8)", Facts{Offered: true, Suppress: DefaultSuppress}, Decision{Prompt: true, Reason: ReasonAsked}},
		{
			"a page that would change nothing is not shown",
			Facts{Offered: true, SameLimits: true},
			Decision{Kind: session.Browser, Reason: ReasonNoDifference},
		},
		{
			"fewer signals prompt more",
			Facts{Offered: true, Consent: true, Guest: true, HighRisk: true, SharedDevice: true, IWA: true},
			Decision{Prompt: true, Reason: ReasonAsked},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Decide(row.facts); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

// TestDecidePromptProperties: K16, nothing but an always, an inherited or remembered Yes or a live session persists
// without an answer; and a never beats everything.
func TestDecidePromptProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		kind := rapid.SampledFrom([]*session.Kind{nil, ptr(session.Browser), ptr(session.Persistent)})
		f := Facts{
			Live: kind.Draw(t, "live"), Persistence: Persistence(rapid.IntRange(0, 2).Draw(t, "persistence")),
			Consent: flag("consent"), Guest: flag("guest"), HighRisk: flag("risk"), SharedDevice: flag("shared"),
			Offered: flag("offered"), Inherited: flag("inherited"), IWA: flag("iwa"), Remembered: kind.Draw(t, "remembered"),
			SameLimits: flag("same"),
			Suppress:   Suppress{Guest: flag("s1"), HighRisk: flag("s2"), SharedDevice: flag("s3"), IWA: flag("s4"), Consent: flag("s5")},
		}
		d := Decide(f)
		if d.Reason == "" {
			t.Fatal("a decision without a reason")
		}
		if d.Prompt && (f.Persistence != PersistenceUnset || !f.Offered || f.Live != nil) {
			t.Fatalf("asked although %+v", f)
		}
		if d.Prompt {
			return
		}
		if f.Persistence == PersistenceNever && d.Kind != session.Browser {
			t.Fatal("never did not win")
		}
		said := f.Persistence == PersistenceAlways || f.Inherited ||
			f.Remembered != nil && *f.Remembered == session.Persistent || f.Live != nil && *f.Live == session.Persistent
		if d.Kind == session.Persistent && !said {
			t.Fatalf("persistent although nobody said Yes: %+v", f)
		}
	})
}
