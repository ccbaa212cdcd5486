package access

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// TestIdleSignOutScope holds T7, T14, T16 and T19: who is held to which rule, and which of several.
func TestIdleSignOutScope(t *testing.T) {
	tenant, strict := IdleSignOut{Warn: 45 * time.Minute, After: 60 * time.Minute}, IdleSignOut{Warn: 90 * time.Minute, After: 120 * time.Minute, All: true}
	short := IdleSignOut{Warn: 5 * time.Minute, After: 10 * time.Minute}
	browser, persistent := &session.Record{Kind: session.Browser}, &session.Record{Kind: session.Persistent}
	managed, compliant := &session.Record{Managed: "true"}, &session.Record{Compliant: "true"}
	unmanaged := &session.Record{Managed: "false", Compliant: "false"}
	for _, row := range []struct {
		name  string
		rules []IdleSignOut
		who   *session.Record
		want  time.Duration // 0: not held to any
	}{
		{"no rule", nil, browser, 0},
		{"T16 browser session", []IdleSignOut{tenant}, browser, 60 * time.Minute},
		{"T7 stays signed in", []IdleSignOut{tenant}, persistent, 0},
		{"T7 managed device", []IdleSignOut{tenant}, managed, 0},
		{"T7 compliant device", []IdleSignOut{tenant}, compliant, 0},
		{"T16 device known not to be", []IdleSignOut{tenant}, unmanaged, 60 * time.Minute},
		{"T16 all: stays signed in", []IdleSignOut{strict}, persistent, 120 * time.Minute},
		{"T16 all: managed device", []IdleSignOut{strict}, managed, 120 * time.Minute},
		{"T14 T19 the site's is shorter", []IdleSignOut{tenant, short}, browser, 10 * time.Minute},
		{"T19 whatever the order", []IdleSignOut{short, tenant}, browser, 10 * time.Minute},
		{"T19 the one that covers", []IdleSignOut{strict, short}, persistent, 120 * time.Minute},
	} {
		rule, ok := (&Site{Idle: row.rules}).IdleRule(row.who.Kind, row.who.KnownDevice())
		if ok != (row.want > 0) || rule.After != row.want {
			t.Errorf("%s: %v %v, want %v", row.name, ok, rule.After, row.want)
		}
	}
}
