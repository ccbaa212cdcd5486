package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

// A stream is created and verified by command at a gateway that runs, and the doctor says what is wrong with it.
func TestSignalsCommand(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	s := newSite(t, config{app: strings.Replace(signals(tr, "manage {\nbearer "+transmitter.ManageSecret+"\n}"), "\npush\n", "\npush push-secret\n", 1)})
	run := func(works bool, want, name string, args ...string) {
		t.Helper()
		if out, err := s.gw.Command(name, args...); (err == nil) != works || !strings.Contains(out, want) {
			t.Errorf("latchkey %s %s: %v, no %q in:\n%s", name, strings.Join(args, " "), err, want, out)
		}
	}
	run(false, "fail  signals hub: the transmitter has no stream for this client: latchkey signals create hub", "doctor")
	run(true, s.stream(), "signals", "create")
	run(true, "ok    signals hub: the stream is enabled, and fits the configuration", "doctor")
	run(true, "has been asked", "signals", "verify")
	rig.Until(t, rig.Patience, "the verification has arrived", func() bool {
		_, text := s.gw.AskAdmin("GET", "/latchkey/status", "")
		return strings.Contains(text, `"lastEvent":"verification"`)
	})
	tr.SetStatus("paused")
	run(false, "fail  signals hub: the transmitter has set it to paused", "doctor")
}
