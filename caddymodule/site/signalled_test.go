package site

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// What was reported of a user restricts for its time, and never makes a risk smaller or a device better than the claims do.
func TestRestrict(t *testing.T) {
	now := time.Now()
	stated := func(value string) session.Stated { return session.Stated{Value: value, Until: now.Add(time.Hour)} }
	for _, row := range []struct {
		claimed  policy.Risk
		reported string
		want     policy.Risk
	}{
		{policy.RiskUnknown, "high", policy.RiskHigh},
		{policy.RiskLow, "medium", policy.RiskMedium},
		{policy.RiskHidden, "high", policy.RiskHigh},
		{policy.RiskHigh, "low", policy.RiskHigh},
		{policy.RiskHigh, "medium", policy.RiskHigh},
		{policy.RiskUnknown, "low", policy.RiskUnknown},
		{policy.RiskUnreadable, "high", policy.RiskUnreadable},
		{policy.RiskNone, "", policy.RiskNone},
		{policy.RiskUnknown, "severe", policy.RiskUnknown},
	} {
		for until, want := range map[time.Duration]policy.Risk{0: row.want, time.Hour: row.claimed} {
			q := policy.Request{Time: now.Add(until), UserRisk: row.claimed, SignInRisk: row.claimed}
			restrict(&q, &session.Signalled{UserRisk: stated(row.reported), SignInRisk: stated(row.reported)})
			if q.UserRisk != want || q.SignInRisk != want {
				t.Errorf("%s, reported %q, after %v: %s and %s, want %s", row.claimed, row.reported, until, q.UserRisk, q.SignInRisk, want)
			}
		}
	}
	for reported, want := range map[string]policy.Signal{"false": policy.No, "true": policy.Unknown, "": policy.Unknown} {
		q := policy.Request{Time: now}
		restrict(&q, &session.Signalled{Compliant: stated(reported)})
		if q.Device.Compliant != want {
			t.Errorf("device %q: %v", reported, q.Device.Compliant)
		}
	}
}
