package signinlog

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/session"
)

// Record is one entry of the log. Empty fields are omitted, except those that every entry has.
type Record struct {
	ID string
	// Created is when the sign-in started, not when its outcome was known (A8).
	Created time.Time
	// CorrelationID is the same for every entry of one sign-in (L6).
	CorrelationID string
	// SessionID is the short hash of the session, empty if none was created.
	SessionID string
	// UserIssuer and UserSubject are the identity. UserName is for display; the log has it in lower case (L1).
	UserIssuer, UserSubject, UserName string
	Guest                             bool
	App, Provider                     string
	// TokenID is the short hash of the token with which a program came, and ClientID the client to which the token was
	// issued. Empty for browsers; ClientID also if the token does not say it.
	TokenID, ClientID string
	IP, UserAgent     string
	// SignInRisk and UserRisk are the provider's statements: none, low, medium or high. Compliant and Managed are true
	// or false. Empty: it stated nothing.
	SignInRisk, UserRisk, Compliant, Managed string
	// BoundTo says whether the session was bound to a key of its device when the entry was written: BoundToDevice or
	// BoundToNone. Empty: there was no session, or no session is bound here.
	BoundTo string
	// Interactive: the user saw a page of the provider, or could have seen one (L2).
	Interactive bool
	// PolicyStatus is conditionalAccessStatus: success, failure or notApplied (L3). Empty counts as notApplied.
	PolicyStatus string
	Policies     []AppliedPolicy
	// SessionLifetime is the reason why the user had to sign in again: FrequencyPeriodic or FrequencyEveryTime (L5).
	SessionLifetime []string
	Code            Code
	// Detail adds to the code's reason, for an administrator. It contains no secrets, and nothing that a provider sent
	// except the OAuth error code.
	Detail string
	// Repeats is how many sign-ins with the same outcome this record stands for. They follow one that has its own
	// record; see the type Repeats. 0: the record is of one sign-in, the usual case.
	Repeats int
	// InitiatedBy is set if an administrator did this and not the user; nil for a sign-in.
	InitiatedBy *Initiator
	// Unproven: nothing proves that the client began a sign-in here, so the record is logged and not stored.
	Unproven bool
	share    share // see Prepare
	// PromptReason is why "Stay signed in?" was shown or not: the reason of the prompt decision.
	PromptReason string
}

// Initiator is the administrator who performed an action.
type Initiator struct {
	// Activity is the action, as the admin API names it: "end session", "rotate keys".
	Activity string
	// Name is the operator's name as the client of the admin API states it, without proof; empty if it states none.
	Name string
	// Target is the object of the action if it is not a single user: a provider, an app, a key.
	Target string
}

// AppliedPolicy is one evaluated policy with its result (L4).
type AppliedPolicy struct {
	Name, Result string
	// GrantControls and SessionControls are the policy's controls, in the words of the configuration.
	GrantControls, SessionControls []string
}

// The values of BoundTo.
const (
	BoundToDevice = "device"
	BoundToNone   = "none"
)

// The reasons of SessionLifetime.
const (
	FrequencyPeriodic  = "signInFrequencyPeriodicReauthentication"
	FrequencyEveryTime = "signInFrequencyEveryTime"
)

// Sink receives records. It must not block a sign-in and cannot make it fail.
type Sink interface {
	Write(Record)
}

// Preparer is a Sink that can have a record written in a step of the store, together with what it tells of.
type Preparer interface {
	// Prepare returns what the step appends (session.Step.Append); nil if the record is to be written alone. Either way the
	// caller then calls Write, with Stored if the step has appended it.
	Prepare(r *Record) *session.Appended
}

// Stored returns the record as one that is in the store: Write does not store it again.
func (r Record) Stored() Record {
	r.share = inStore
	return r
}

// Sinks passes each record to all of them, in their order.
type Sinks []Sink

// Write implements Sink.
func (s Sinks) Write(r Record) {
	for _, sink := range s {
		sink.Write(r)
	}
}

// Prepare implements Preparer by the first of the sinks that does.
func (s Sinks) Prepare(r *Record) *session.Appended {
	for _, sink := range s {
		if p, ok := sink.(Preparer); ok {
			return p.Prepare(r)
		}
	}
	return nil
}

// Zap writes each record through a logger, as one object.
type Zap struct{ Logger *zap.Logger }

// Write implements Sink.
func (z Zap) Write(r Record) {
	// The level does not depend on the outcome: a refused user is not an error of Latchkey.
	if e := z.Logger.Check(zapcore.InfoLevel, "sign-in"); e != nil {
		e.Write(zap.Inline(r))
	}
}
