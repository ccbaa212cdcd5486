package site

import (
	"net/netip"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// emitted are events with a consumer for all but those that are named.
type emitted struct {
	deaf string
	all  []map[string]any
}

func (e *emitted) ShouldEmit(event string) bool { return event != e.deaf }

func (e *emitted) Emit(event string, data map[string]any) {
	if event == "access_denied" {
		e.all = append(e.all, data)
	}
}

// A refusal is told with what names the user and opens nothing; where there is no consumer, nothing is told.
func TestDeniedIsEmitted(t *testing.T) {
	who := &session.Record{User: "ada", Provider: "main", Identity: session.Identity{Issuer: "i", Subject: "s"}}
	v := &access.Visit{IP: netip.MustParseAddr("203.0.113.9"), RequestID: "r-1"}
	events, deaf := new(emitted), &emitted{deaf: "access_denied"}
	for _, e := range []Events{nil, deaf, events} {
		h := &Site{Site: &config.Site{App: "wiki"}, Tenant: &Tenant{Events: e}}
		h.denied(v, who, &policy.Decision{Reason: "blocked"})
		h.denied(v, nil, &policy.Decision{Reason: "blocked"})
	}
	if len(deaf.all) != 0 || len(events.all) != 2 {
		t.Fatalf("told %v and %v", deaf.all, events.all)
	}
	data := events.all[0]
	if data["app"] != "wiki" || data["reason"] != "blocked" || data["user_subject"] != "s" || data["ip"] != "203.0.113.9" || data["request_id"] != "r-1" {
		t.Errorf("access_denied: %v", data)
	}
	if _, has := events.all[1]["user_name"]; has {
		t.Errorf("an anonymous client has a name: %v", events.all[1])
	}
}
