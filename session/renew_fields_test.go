package session

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A13: what belongs to the act of signing in stays as it is over a renewal, the rest is as the renewal states it. A field that
// is added later is on one of the two sides, and this test says on which.
func TestRenewTakesWhatTheProviderStates(t *testing.T) {
	stays := []string{
		"ID", "Version", "Provider", "Identity", "Limit", "LastUsed", "Created", "Began", "Apps", "Kind", "Renewable", "KindReason", "AuthTime", "ACR",
		"AMR", "Contexts", "SteppedUp", "StepUps", "BrowserID", "FirstIP", "FirstAgent", "Binding", "Signalled",
	}
	rapid.Check(t, func(t *rapid.T) {
		before, fresh := drawRecord(t), drawRecord(t)
		flags := []*bool{
			&fresh.Renewable, &fresh.EmailVerified, &fresh.UserUnverified, &fresh.Guest, &fresh.GuestUnclear, &fresh.GroupsUnclear, &fresh.GroupsComplete,
		}
		for _, f := range flags {
			*f = rapid.Bool().Draw(t, "flag")
		}
		fresh.Confirmed = fresh.GroupsAsOf.Add(time.Second)
		after := *before
		after.renew(fresh)
		of := func(s *Record) reflect.Value { return reflect.ValueOf(s).Elem() }
		for f, v := range of(&after).Fields() {
			want := fresh
			if slices.Contains(stays, f.Name) || !f.IsExported() {
				want = before
			}
			w := of(want).FieldByIndex(f.Index)
			if f.IsExported() && !reflect.DeepEqual(v.Interface(), w.Interface()) {
				t.Fatalf("%s is %v, want %v", f.Name, v, w)
			}
			if v.Kind() == reflect.Slice && want == fresh && v.Pointer() == w.Pointer() {
				t.Fatalf("%s is shared with the renewal", f.Name)
			}
		}
		fresh.ProviderSession, fresh.Confirmed = "", fresh.GroupsAsOf
		after.renew(fresh)
		if after.ProviderSession == "" || !after.Confirmed.IsZero() {
			t.Fatalf("session at the provider %q, confirmed %v", after.ProviderSession, after.Confirmed)
		}
	})
}
