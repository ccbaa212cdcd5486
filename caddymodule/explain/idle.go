package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// reasonEnded: the session has ended because it was not used for longer than its idle limit. A real request with such a
// session gets the same reason.
const reasonEnded policy.Reason = "session_ended"

// ExplainedIdle is the effect of idle sign-out on the session.
type ExplainedIdle struct {
	// Kind is the kind of session to which this entry applies, if the answer to the prompt still decides the kind.
	Kind string `json:"kind,omitempty"`
	// Warn is the idle time after which the user is warned, if the page loads the script. SignOut is the idle time
	// after which the user is signed out.
	Warn    string `json:"warn,omitempty"`
	SignOut string `json:"sign_out,omitempty"`
	// WarnAt and SignOutAt are the times at which this happens to an existing session that is not used before.
	WarnAt    time.Time `json:"warn_at,omitzero"`
	SignOutAt time.Time `json:"sign_out_at,omitzero"`
	// SignedOut: SignOutAt has passed.
	SignedOut bool `json:"signed_out,omitempty"`
	// Exempt is the reason why idle sign-out does not apply to the session (T7): stays_signed_in or managed_device.
	Exempt string `json:"exempt,omitempty"`
}

const (
	exemptStays   = "stays_signed_in"
	exemptManaged = "managed_device"
)

// ofKind returns the session of an imagined user with another kind. The session begins at its last use.
func (h explainedSite) ofKind(who *session.Record, kind session.Kind) *session.Record {
	s := *who //nolint:govet // a copy of what has not been shared
	s.Kind, s.Limit, s.Created = kind, h.Tenant.Limits.Of(kind, who.Binding.Bound()), who.LastUsed
	return &s
}

// live reports whether the query describes an existing session.
func (im *imagined) live() bool { return im.q.Kind != "" || im.q.Idle != 0 }

// unused reports whether the session has ended because it was not used for longer than its idle limit.
func (h explainedSite) unused(im *imagined) bool {
	if im.who == nil || !im.live() {
		return false
	}
	who := h.ofKind(im.who, im.who.Kind)
	_, end, _ := h.SignIn.IdleTimes(who, h.Tenant.Limits)
	return !im.at.Before(end)
}

// explainIdle returns when the session would be warned about and signed out, depending on the result of the prompt.
func (h explainedSite) explainIdle(im *imagined, p *ExplainedPrompt) []ExplainedIdle {
	if len(h.SignIn.Idle) == 0 || im.who == nil || p.Why != "" {
		return nil
	}
	if !p.Asked {
		kind := session.Browser
		if p.Kind == session.Persistent.String() {
			kind = session.Persistent
		}
		return []ExplainedIdle{h.idleOf(im, kind)}
	}
	no, yes := h.idleOf(im, session.Browser), h.idleOf(im, session.Persistent)
	if no == yes {
		return []ExplainedIdle{no}
	}
	no.Kind, yes.Kind = session.Browser.String(), session.Persistent.String()
	return []ExplainedIdle{no, yes}
}

func (h explainedSite) idleOf(im *imagined, kind session.Kind) ExplainedIdle {
	who := h.ofKind(im.who, kind)
	warn, end, held := h.SignIn.IdleTimes(who, h.Tenant.Limits)
	switch {
	case held:
	case kind == session.Persistent:
		return ExplainedIdle{Exempt: exemptStays}
	default:
		return ExplainedIdle{Exempt: exemptManaged}
	}
	ex := ExplainedIdle{Warn: config.Days(warn.Sub(who.LastUsed)), SignOut: config.Days(end.Sub(who.LastUsed))}
	if im.live() {
		ex.WarnAt, ex.SignOutAt, ex.SignedOut = warn, end, !im.at.Before(end)
	}
	return ex
}

func (ex *Explanation) idle() string {
	var parts []string
	for i := range ex.Idle {
		one, part := &ex.Idle[i], ""
		switch {
		case one.Exempt == exemptStays:
			part = "not signed out for want of use: stays signed in"
		case one.Exempt == exemptManaged:
			part = "not signed out for want of use: managed or compliant device"
		case one.SignedOut:
			part = fmt.Sprintf("signed out at %s, %s after the last use", clock(one.SignOutAt, ex.At), one.SignOut)
		default:
			part = fmt.Sprintf("warned %s after the last use, signed out after %s", one.Warn, one.SignOut)
		}
		if !one.SignOutAt.IsZero() && !one.SignedOut {
			part += fmt.Sprintf(": %s and %s if it is not used before", clock(one.WarnAt, ex.At), clock(one.SignOutAt, ex.At))
		}
		if one.Kind != "" {
			part = one.Kind + " session: " + part
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// clock formats t, with the date only if it is not the date of near.
func clock(t, near time.Time) string {
	t = t.In(near.Location())
	if t.Format(time.DateOnly) == near.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}
