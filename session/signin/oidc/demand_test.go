package oidc

import (
	"slices"
	"testing"
	"time"
)

// TestDemand: which claims would show a demand, and whether a request for one has asked for another.
func TestDemand(t *testing.T) {
	for _, c := range []struct {
		d    Demand
		want []string
	}{
		{Demand{MFA: true}, []string{"amr"}},
		{Demand{ACRs: []string{"gold", "silver", "c1", "c2"}}, []string{"acr", "acrs"}},
		{Demand{Reauthenticate: true}, []string{"auth_time"}},
		{Demand{MFA: true, PromptLogin: true}, []string{"amr", "auth_time"}},
	} {
		if got := c.d.Shows(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.d, got, c.want)
		}
	}
	for _, c := range []struct {
		asked *Demand
		want  Demand
		in    bool
	}{
		{nil, Demand{MFA: true}, false},
		{&Demand{MFA: true}, Demand{MFA: true}, true},
		{&Demand{MFA: true}, Demand{ACRs: []string{"gold"}}, false},
		{&Demand{ACRs: []string{"gold", "c1"}}, Demand{ACRs: []string{"c1"}}, true},
		{&Demand{Reauthenticate: true, MaxAge: time.Hour}, Demand{Reauthenticate: true, MaxAge: time.Minute}, false},
		{&Demand{Reauthenticate: true, MaxAge: time.Minute}, Demand{Reauthenticate: true, MaxAge: time.Hour}, true},
		{&Demand{Reauthenticate: true, MaxAge: time.Minute}, Demand{Reauthenticate: true, PromptLogin: true}, false},
		{&Demand{Reauthenticate: true, PromptLogin: true}, Demand{Reauthenticate: true, MaxAge: time.Minute}, true},
	} {
		if got := c.asked.Covers(&c.want); got != c.in {
			t.Errorf("%+v asks for %+v: %v", c.asked, c.want, got)
		}
	}
}
