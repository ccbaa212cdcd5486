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
	// UserID is issuer and subject, the identity. UserName is for people.
	UserIssuer, UserSubject, UserName string
	Guest                             bool
	App, Provider                     string
	IP, UserAgent                     string
	Interactive                       bool
	// PolicyStatus is conditionalAccessStatus: success, failure or notApplied (L3). Empty counts as notApplied.
	PolicyStatus string
	Policies     []AppliedPolicy
	Code         Code
	// Detail says more than the code's reason, for an administrator. No secrets, and nothing that a provider sent but
	// the OAuth error word.
	Detail string
	// PromptReason is why "Stay signed in?" was shown or hidden; the reason of the prompt decision.
	PromptReason string
}

// AppliedPolicy is one policy that was looked at, and what came of it (L4).
type AppliedPolicy struct {
	Name, Result string
}

// Sink takes records. It must not block a sign-in and cannot fail it.
type Sink interface {
	Write(Record)
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

const notApplied = "notApplied"

// MarshalLogObject writes the record under the names of Entra's log (L1).
func (r Record) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("id", r.ID)
	e.AddString("createdDateTime", r.Created.UTC().Format("2006-01-02T15:04:05.000Z"))
	e.AddString("correlationId", r.CorrelationID)
	addString(e, "sessionId", r.SessionID)
	if r.UserSubject != "" {
		e.AddString("userId", r.UserIssuer+"#"+r.UserSubject)
		e.AddString("userType", userType(r.Guest))
	}
	addString(e, "userPrincipalName", r.UserName)
	e.AddString("appDisplayName", r.App)
	addString(e, "provider", r.Provider)
	e.AddString("ipAddress", r.IP)
	addString(e, "userAgent", r.UserAgent)
	e.AddString("clientAppUsed", "Browser")
	e.AddBool("isInteractive", r.Interactive)
	status := r.PolicyStatus
	if status == "" {
		status = notApplied
	}
	e.AddString("conditionalAccessStatus", status)
	if len(r.Policies) > 0 {
		if err := e.AddArray("appliedConditionalAccessPolicies", appliedPolicies(r.Policies)); err != nil {
			return err
		}
	}
	e.AddString("signInStatus", r.Code.Status())
	addString(e, "promptReason", r.PromptReason)
	return e.AddObject("status", zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error {
		e.AddInt("errorCode", int(r.Code))
		addString(e, "failureReason", r.Code.Reason())
		addString(e, "additionalDetails", r.Detail)
		return nil
	}))
}

func userType(guest bool) string {
	if guest {
		return "guest"
	}
	return "member"
}

func addString(e zapcore.ObjectEncoder, key, value string) {
	if value != "" {
		e.AddString(key, value)
	}
}

type appliedPolicies []AppliedPolicy

func (ps appliedPolicies) MarshalLogArray(e zapcore.ArrayEncoder) error {
	for _, p := range ps {
		if err := e.AppendObject(zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error {
			e.AddString("displayName", p.Name)
			e.AddString("result", p.Result)
			return nil
		})); err != nil {
			return err
		}
	}
	return nil
}
