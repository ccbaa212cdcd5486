package signinlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	notApplied = "notApplied"
	// timeFormat is UTC with milliseconds.
	timeFormat = "2006-01-02T15:04:05.000Z"
)

// MarshalLogObject writes the record with the field names of Entra's log (L1).
func (r Record) MarshalLogObject(e zapcore.ObjectEncoder) error { return r.write(e, r.device()) }

// write is the only place that writes the fields: both Caddy's log and the log in the store use it.
func (r *Record) write(e zapcore.ObjectEncoder, d device) error {
	e.AddString("id", r.ID)
	e.AddString("createdDateTime", r.Created.UTC().Format(timeFormat))
	e.AddString("correlationId", r.CorrelationID)
	addString(e, "sessionId", r.SessionID)
	if r.UserSubject != "" {
		e.AddString("userId", r.UserID())
		e.AddString("userType", userType(r.Guest))
	}
	addString(e, "userPrincipalName", strings.ToLower(r.UserName))
	e.AddString("appDisplayName", r.App)
	addString(e, "provider", r.Provider)
	e.AddString("ipAddress", r.IP)
	addString(e, "userAgent", r.UserAgent)
	e.AddString("clientAppUsed", r.clientApp())
	addString(e, "tokenId", r.TokenID)
	addString(e, "clientId", r.ClientID)
	if !d.empty() {
		if err := e.AddObject("deviceDetail", d); err != nil {
			return err
		}
	}
	addString(e, "boundTo", r.BoundTo)
	addString(e, "riskLevelDuringSignIn", r.SignInRisk)
	addString(e, "riskLevelAggregated", r.UserRisk)
	e.AddBool("isInteractive", r.Interactive)
	if err := addStrings(e, "signInEventTypes", []string{eventType(r.Interactive)}); err != nil {
		return err
	}
	status := r.PolicyStatus
	if status == "" {
		status = notApplied
	}
	e.AddString("conditionalAccessStatus", status)
	if len(r.Policies) > 0 {
		if err := e.AddArray("appliedConditionalAccessPolicies", objects[AppliedPolicy](r.Policies)); err != nil {
			return err
		}
	}
	if len(r.SessionLifetime) > 0 {
		if err := e.AddArray("sessionLifetimePolicies", objects[lifetimePolicy](lifetimePolicies(r.SessionLifetime))); err != nil {
			return err
		}
	}
	e.AddString("signInStatus", r.Code.Status())
	if r.Repeats > 0 {
		e.AddInt("repeatCount", r.Repeats)
	}
	if r.InitiatedBy != nil {
		if err := e.AddObject("initiatedBy", r.InitiatedBy); err != nil {
			return err
		}
	}
	addString(e, "promptReason", r.PromptReason)
	return e.AddObject("status", zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error {
		e.AddInt("errorCode", int(r.Code))
		addString(e, "failureReason", r.Code.Reason())
		addString(e, "additionalDetails", r.Detail)
		return nil
	}))
}

// UserID returns the identity as the log has it: issuer, "#", subject. An issuer contains no "#".
func (r Record) UserID() string { return r.UserIssuer + "#" + r.UserSubject }

// clientApp returns the kind of client in the words of Entra's log.
func (r Record) clientApp() string {
	if r.TokenID != "" {
		return "Other clients"
	}
	return "Browser"
}

func userType(guest bool) string {
	if guest {
		return "guest"
	}
	return "member"
}

func eventType(interactive bool) string {
	if interactive {
		return "interactiveUser"
	}
	return "nonInteractiveUser"
}

func addString(e zapcore.ObjectEncoder, key, value string) {
	if value != "" {
		e.AddString(key, value)
	}
}

func addStrings(e zapcore.ObjectEncoder, key string, values []string) error {
	if len(values) == 0 {
		return nil
	}
	return e.AddArray(key, zapcore.ArrayMarshalerFunc(func(e zapcore.ArrayEncoder) error {
		for _, v := range values {
			e.AppendString(v)
		}
		return nil
	}))
}

type objects[T zapcore.ObjectMarshaler] []T

func (os objects[T]) MarshalLogArray(e zapcore.ArrayEncoder) error {
	for _, o := range os {
		if err := e.AppendObject(o); err != nil {
			return err
		}
	}
	return nil
}

// MarshalLogObject writes the policy with the field names of Entra's log (L4).
func (p AppliedPolicy) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("displayName", p.Name)
	e.AddString("result", p.Result)
	if err := addStrings(e, "enforcedGrantControls", p.GrantControls); err != nil {
		return err
	}
	return addStrings(e, "enforcedSessionControls", p.SessionControls)
}

// MarshalLogObject writes the initiator with the field names of Entra's audit log.
func (i *Initiator) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("activityDisplayName", i.Activity)
	addString(e, "targetResource", i.Target)
	if i.Name == "" {
		return nil
	}
	return e.AddObject("user", zapcore.ObjectMarshalerFunc(func(e zapcore.ObjectEncoder) error {
		e.AddString("displayName", i.Name)
		return nil
	}))
}

type lifetimePolicy string

func lifetimePolicies(reasons []string) []lifetimePolicy {
	out := make([]lifetimePolicy, len(reasons))
	for i, r := range reasons {
		out[i] = lifetimePolicy(r)
	}
	return out
}

func (p lifetimePolicy) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("expirationRequirement", string(p))
	return nil
}

var jsonEncoder = zapcore.NewJSONEncoder(zapcore.EncoderConfig{SkipLineEnding: true})

// MarshalJSON writes the same fields as MarshalLogObject.
func (r Record) MarshalJSON() ([]byte, error) {
	buf, err := jsonEncoder.EncodeEntry(zapcore.Entry{}, []zapcore.Field{zap.Inline(r)})
	if err != nil {
		return nil, err
	}
	defer buf.Free()
	return bytes.Clone(buf.Bytes()), nil
}

// Entry is a record that was read, with its text. The text is passed on unchanged, so that fields of a newer Latchkey
// are not lost (A78).
type Entry struct {
	Record
	// Status is signInStatus, also of unknown codes.
	Status string
	// Reason is status.failureReason, also of unknown codes.
	Reason string
	text   []byte
}

// MarshalJSON returns the text.
func (e Entry) MarshalJSON() ([]byte, error) { return e.text, nil }

// UnmarshalJSON reads the result of Record.MarshalJSON, of this or another version.
func (e *Entry) UnmarshalJSON(text []byte) error {
	var f struct {
		ID           string   `json:"id"`
		Created      string   `json:"createdDateTime"`
		Correlation  string   `json:"correlationId"`
		Session      string   `json:"sessionId"`
		UserID       string   `json:"userId"`
		UserType     string   `json:"userType"`
		UserName     string   `json:"userPrincipalName"`
		App          string   `json:"appDisplayName"`
		Provider     string   `json:"provider"`
		IP           string   `json:"ipAddress"`
		Agent        string   `json:"userAgent"`
		Interactive  bool     `json:"isInteractive"`
		PolicyStatus string   `json:"conditionalAccessStatus"`
		Policies     []policy `json:"appliedConditionalAccessPolicies"`
		Lifetime     []struct {
			Requirement string `json:"expirationRequirement"`
		} `json:"sessionLifetimePolicies"`
		SignInStatus string `json:"signInStatus"`
		Repeats      int    `json:"repeatCount"`
		InitiatedBy  *struct {
			Activity string `json:"activityDisplayName"`
			Target   string `json:"targetResource"`
			User     struct {
				Name string `json:"displayName"`
			} `json:"user"`
		} `json:"initiatedBy"`
		PromptReason string `json:"promptReason"`
		BoundTo      string `json:"boundTo"`
		TokenID      string `json:"tokenId"`
		ClientID     string `json:"clientId"`
		SignInRisk   string `json:"riskLevelDuringSignIn"`
		UserRisk     string `json:"riskLevelAggregated"`
		Device       struct {
			Compliant *bool `json:"isCompliant"`
			Managed   *bool `json:"isManaged"`
		} `json:"deviceDetail"`
		Status struct {
			Code   Code   `json:"errorCode"`
			Reason string `json:"failureReason"`
			Detail string `json:"additionalDetails"`
		} `json:"status"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return fmt.Errorf("reading sign-in: %w", err)
	}
	created, err := time.Parse(time.RFC3339, f.Created)
	if err != nil {
		return fmt.Errorf("reading sign-in: createdDateTime: %w", err)
	}
	issuer, subject, _ := strings.Cut(f.UserID, "#")
	*e = Entry{
		Record: Record{
			ID: f.ID, Created: created, CorrelationID: f.Correlation, SessionID: f.Session,
			UserIssuer: issuer, UserSubject: subject, UserName: f.UserName, Guest: f.UserType == userType(true),
			App: f.App, Provider: f.Provider, IP: f.IP, UserAgent: f.Agent, Interactive: f.Interactive,
			PolicyStatus: f.PolicyStatus, Repeats: f.Repeats, Code: f.Status.Code, Detail: f.Status.Detail, PromptReason: f.PromptReason,
			SignInRisk: f.SignInRisk, UserRisk: f.UserRisk, Compliant: word(f.Device.Compliant), Managed: word(f.Device.Managed),
			BoundTo: f.BoundTo, TokenID: f.TokenID, ClientID: f.ClientID,
		},
		Status: f.SignInStatus,
		Reason: f.Status.Reason,
		text:   bytes.Clone(text),
	}
	if by := f.InitiatedBy; by != nil {
		e.InitiatedBy = &Initiator{Activity: by.Activity, Name: by.User.Name, Target: by.Target}
	}
	for _, p := range f.Policies {
		e.Policies = append(e.Policies, AppliedPolicy(p))
	}
	for _, l := range f.Lifetime {
		e.SessionLifetime = append(e.SessionLifetime, l.Requirement)
	}
	return nil
}

// policy is AppliedPolicy with the field names of the log.
type policy struct {
	Name            string   `json:"displayName"`
	Result          string   `json:"result"`
	GrantControls   []string `json:"enforcedGrantControls"`
	SessionControls []string `json:"enforcedSessionControls"`
}
