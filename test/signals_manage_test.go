package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

// A stream is created, verified, looked at, corrected and deleted by command, and the doctor says what is wrong with it.
func TestSignalsCommand(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	s := newSite(t, config{app: strings.Replace(signals(tr, "manage {\nbearer "+transmitter.ManageSecret+"\n}"), "\npush\n", "\npush push-secret\n", 1)})
	signals := func(works bool, want string, args ...string) {
		t.Helper()
		out, err := s.gw.Command("signals", args...)
		if (err == nil) != works || !strings.Contains(out, want) {
			t.Errorf("latchkey signals %s: %v, no %q in:\n%s", strings.Join(args, " "), err, want, out)
		}
		if strings.Contains(out, "push-secret") || strings.Contains(out, transmitter.ManageSecret) {
			t.Errorf("latchkey signals %s prints a secret:\n%s", strings.Join(args, " "), out)
		}
	}
	doctor := func(works bool, want string) {
		t.Helper()
		if out, err := s.gw.Command("doctor"); (err == nil) != works || !strings.Contains(out, want) {
			t.Errorf("latchkey doctor: %v, no %q in:\n%s", err, want, out)
		}
	}
	signals(false, "no stream for this client", "status")
	doctor(false, "fail  signals hub: the transmitter has no stream for this client: latchkey signals create hub")
	signals(false, `no signals "hubb"`, "status", "hubb")
	signals(false, "no site of the configuration", "create", "--site", "https://elsewhere.example.com")
	signals(true, "latchkey signals add", "create")
	signals(false, "already", "create", "hub")
	signals(true, "session-revoked", "status")
	signals(true, `"status": "enabled"`, "status", "--json")
	doctor(true, "ok    signals hub: the stream is enabled, and fits the configuration")

	signals(true, "has been asked", "verify")
	rig.Until(t, rig.Patience, "the verification has arrived", func() bool {
		_, text := s.gw.AskAdmin("GET", "/latchkey/status", "")
		return strings.Contains(text, `"lastEvent":"verification"`)
	})

	signals(false, "give one of", "add")
	signals(true, "added", "add", "--user", "alice")
	if all := tr.Subjects(); len(all) != 1 || all[0].(transmitter.Map)["sub"] != "alice" || all[0].(transmitter.Map)["iss"] != s.idp.Issuer {
		t.Errorf("subjects %v", all)
	}
	signals(true, "removed", "remove", "--email", "alice@example.com")

	tr.SetStatus("paused")
	signals(false, "paused: no events arrive (maintenance)", "status")
	doctor(false, "fail  signals hub: the transmitter has set it to paused")
	tr.SetStatus("enabled")
	tr.Change("events_delivered", []string{transmitter.CAEP + "session-established"})
	signals(false, "none of its events has an effect here", "status")
	tr.Change("delivery", transmitter.Map{"method": "urn:ietf:rfc:8935", "endpoint_url": "https://old.example.com/.latchkey/events/hub"})
	signals(true, "updated", "update")
	signals(true, s.stream(), "status")
	tr.Change("aud", "https://other.example.com")
	signals(false, "all events are refused", "status")

	signals(true, "deleted", "delete")
	signals(false, "no stream for this client", "delete")
}
