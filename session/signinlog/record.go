package signinlog

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Record is one entry. Fields that are empty are left out, but for those that every entry has.
type Record struct {
	ID string
	// Created is when the sign-in started, not when its outcome was known (A8).
	Created time.Time
	// CorrelationID is the same for every entry of one sign-in (L6).
	CorrelationID string
	// SessionID is the short hash of the session, empty if none was made.
	SessionID string
	// UserIssuer and UserSubject are the identity. UserName is for people; the log has it in lower case (L1).
	UserIssuer, UserSubject, UserName string
	Guest                             bool
	App, Provider                     string
	IP, UserAgent                     string
	// SignInRisk and UserRisk are what the provider said: none, low, medium or high. Compliant and Managed are true or
	// false. Empty: it said nothing.
	SignInRisk, UserRisk, Compliant, Managed string
	// Interactive: the person saw a page of the provider's, or could have (L2).
	Interactive bool
	// PolicyStatus is conditionalAccessStatus: success, failure or notApplied (L3). Empty counts as notApplied.
	PolicyStatus string
	Policies     []AppliedPolicy
	// SessionLifetime says why the person had to sign in again: FrequencyPeriodic or FrequencyEveryTime (L5).
	SessionLifetime []string
	Code            Code
	// Detail says more than the code's reason, for an administrator. No secrets, and nothing that a provider sent but
	// the OAuth error word.
	Detail string
	// Repeats is how many sign-ins with the same outcome this record stands for, which follow one that has a record of its
	// own; see the type Repeats. 0: the record is of one sign-in, as most are.
	Repeats int
	// InitiatedBy says that an administrator did this, and not the person; nil for a sign-in.
	InitiatedBy *Initiator
	// Unproven: nothing shows that the client began a sign-in here, so the record is logged and not stored.
	Unproven bool
	// PromptReason is why "Stay signed in?" was shown or hidden; the reason of the prompt decision.
	PromptReason string
}

// Initiator is who did what a record tells, where that is not the person whom it is about.
type Initiator struct {
	// Activity is what was done, as the admin API names it: "end session", "rotate keys".
	Activity string
	// Name is the operator as the client of the admin API names them, without proof; empty if it does not.
	Name string
	// Target says on what it was done where that is no single person: a provider, an app, a key.
	Target string
}

// AppliedPolicy is one policy that was looked at, and what came of it (L4).
type AppliedPolicy struct {
	Name, Result string
	// GrantControls and SessionControls are what the policy asks for, in the words of the configuration.
	GrantControls, SessionControls []string
}

// The reasons of SessionLifetime.
const (
	FrequencyPeriodic  = "signInFrequencyPeriodicReauthentication"
	FrequencyEveryTime = "signInFrequencyEveryTime"
)

// Sink takes records. It must not block a sign-in and cannot fail it.
type Sink interface {
	Write(Record)
}

// Sinks hands each record to all of them, in their order.
type Sinks []Sink

// Write implements Sink.
func (s Sinks) Write(r Record) {
	for _, sink := range s {
		sink.Write(r)
	}
}

// Zap writes records through a logger, as one object each.
type Zap struct{ Logger *zap.Logger }

// Write implements Sink.
func (z Zap) Write(r Record) {
	// Whatever the outcome: that somebody was refused is news about them, not trouble of ours.
	if e := z.Logger.Check(zapcore.InfoLevel, "sign-in"); e != nil {
		e.Write(zap.Inline(r))
	}
}
