package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// reasonEnded: there was a session, and nobody has used it for as long as it may go unused. It is the word of the answer to
// a request that presents one.
const reasonEnded policy.Reason = "session_ended"

// ExplainedIdle is what idle sign-out means for the session.
type ExplainedIdle struct {
	// Kind is the kind of session that this is about, where the prompt is still to say which it will be.
	Kind string `json:"kind,omitempty"`
	// Warn and SignOut are after how long without use the person is warned, if the page loads the script, and signed out.
	Warn    string `json:"warn,omitempty"`
	SignOut string `json:"sign_out,omitempty"`
	// WarnAt and SignOutAt are when that is, for a session that there is, if it is not used before.
	WarnAt    time.Time `json:"warn_at,omitzero"`
	SignOutAt time.Time `json:"sign_out_at,omitzero"`
	// SignedOut: that time has passed. SignOutAt is when.
	SignedOut bool `json:"signed_out,omitempty"`
	// Exempt is why the session is not held to it (T7): stays_signed_in or managed_device.
	Exempt string `json:"exempt,omitempty"`
}

const (
	exemptStays   = "stays_signed_in"
	exemptManaged = "managed_device"
)

// ofKind is the session of an imagined person as one of a kind, which began with its last use.
func (h explainedSite) ofKind(who *session.Record, kind session.Kind) *session.Record {
	s := *who //nolint:govet // a copy of what has not been shared
	s.Kind, s.Limit, s.Created = kind, h.Tenant.Limits.Of(kind), who.LastUsed
	return &s
}

// live tells whether the query says that there is a session already.
func (im *imagined) live() bool { return im.q.Kind != "" || im.q.Idle != 0 }

// unused tells whether a session that was last used so long ago is over for want of use.
func (h explainedSite) unused(im *imagined) bool {
	if im.who == nil || !im.live() {
		return false
	}
	who := h.ofKind(im.who, im.who.Kind)
	_, end, _ := h.SignIn.IdleTimes(who, h.Tenant.Limits)
	return !im.at.Before(end)
}

// explainIdle says when the session would be warned and signed out, once it is known what the prompt comes to.
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

// clock spells a time near another, with the day only if that is another one.
func clock(t, near time.Time) string {
	t = t.In(near.Location())
	if t.Format(time.DateOnly) == near.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}
