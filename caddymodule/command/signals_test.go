package command

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

// hub is a configuration with a stream of a transmitter, and the transmitter.
type hub struct {
	*transmitter.Transmitter
	t      *testing.T
	config string
}

func newHub(t *testing.T, words string) *hub {
	t.Helper()
	h := &hub{Transmitter: transmitter.New(t), t: t, config: filepath.Join(t.TempDir(), "Caddyfile")}
	text := `{
	storage file_system ` + t.TempDir() + `
	latchkey {
		provider {
			issuer https://login.example.com
			client_id gw
			client_secret s
		}
		signals hub {
			issuer ` + h.Issuer + `
			audience ` + transmitter.Audience + `
			provider default
			` + words + `
		}
	}
}

https://wiki.example.com, https://mail.example.com {
	latchkey
}
`
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

const pushed = "push push-secret\nmanage {\nbearer " + transmitter.ManageSecret + "\n}"

// run runs a subcommand as its flags have it, and checks what it prints or what its error says.
func (h *hub) run(works bool, want string, args ...string) {
	h.t.Helper()
	cmd := &cobra.Command{Use: "signals", SilenceErrors: true, SilenceUsage: true}
	setUpSignals(cmd)
	out := new(bytes.Buffer)
	cmd.SetOut(out)
	cmd.SetErr(out)
	cmd.SetArgs(append(args, "--config", h.config))
	err := cmd.ExecuteContext(context.Background())
	if err != nil {
		out.WriteString(err.Error())
	}
	if (err == nil) != works || !strings.Contains(out.String(), want) {
		h.t.Errorf("latchkey signals %s: %v, no %q in:\n%s", strings.Join(args, " "), err, want, out)
	}
	if strings.Contains(out.String(), "push-secret") || strings.Contains(out.String(), transmitter.ManageSecret) {
		h.t.Errorf("latchkey signals %s prints a secret:\n%s", strings.Join(args, " "), out)
	}
}

// A stream is created once, and what does not fit the configuration is said.
func TestSignalsCreate(t *testing.T) {
	h := newHub(t, pushed)
	h.run(false, "no stream for this client", "status")
	h.run(false, `no signals "hubb", did you mean "hub"`, "status", "hubb")
	h.run(false, "give --site and one of them", "create")
	h.run(false, "no site of the configuration has this address", "create", "--site", "https://elsewhere.example.com")
	h.run(true, "latchkey signals add", "create", "--site", "https://mail.example.com/")
	h.run(true, "https://mail.example.com/.latchkey/events/hub", "status")
	h.run(false, "already", "create", "hub", "--site", "https://wiki.example.com")
	h.run(true, `"status": "enabled"`, "status", "--json")
	h.run(false, "no stream for this client", "status", "--stream", "another")

	h.SetStatus("paused")
	h.run(false, "paused: no events arrive (maintenance)", "status")
	h.SetStatus("enabled")
	h.Change("events_delivered", []string{transmitter.CAEP + "session-established"})
	h.run(false, "none of its events has an effect here", "status")
	h.Change("delivery", transmitter.Map{"method": "urn:ietf:rfc:8935", "endpoint_url": "https://old.example.com/.latchkey/events/hub"})
	h.run(true, "updated", "update", "--site", "https://wiki.example.com")
	h.run(true, "https://wiki.example.com/.latchkey/events/hub", "status")
	h.Change("delivery", transmitter.Map{"method": "urn:ietf:rfc:8935", "endpoint_url": "https://old.example.com/"})
	h.run(true, "no address of a site here", "status")
	h.Change("aud", "https://other.example.com")
	h.run(false, "all events are refused", "status")
	h.Change("iss", "https://other.example.com")
	h.run(false, `issuer "https://other.example.com"`, "status")
	h.run(true, "deleted", "delete")
	h.run(false, "no stream for this client", "delete")
}

// Events about a user are asked for by subject, address or a whole subject.
func TestSignalsSubjects(t *testing.T) {
	h := newHub(t, pushed)
	h.run(true, "created", "create", "--site", "https://wiki.example.com")
	h.run(false, "give one of", "add")
	h.run(false, "give one of", "add", "--user", "ada", "--email", "ada@example.com")
	h.run(false, "--subject", "add", "--subject", "{")
	h.run(true, "added", "add", "--user", "ada")
	h.run(true, "added", "add", "--email", "ada@example.com")
	h.run(true, "added", "add", "--subject", `{"format":"opaque","id":"x"}`)
	all := h.Subjects()
	if len(all) != 3 {
		t.Fatalf("subjects %v", all)
	}
	for i, want := range []transmitter.Map{
		transmitter.User("https://login.example.com", "ada"), transmitter.Mail("ada@example.com"), {"format": "opaque", "id": "x"},
	} {
		got := all[i].(transmitter.Map)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%v, want %v", got, want)
			}
		}
	}
	h.run(true, "removed", "remove", "--user", "ada")
	if n := len(h.Subjects()); n != 0 {
		t.Errorf("%d subjects", n)
	}
}

// A stream that is polled must be polled where its events wait; without credentials nothing is asked.
func TestSignalsPoll(t *testing.T) {
	h := newHub(t, pushed)
	h.run(true, "the configuration has no poll http://", "create", "--poll")
	h.run(false, "its events wait to be asked for", "status")

	elsewhere := newHub(t, "poll https://elsewhere.example.com/poll {\nbearer "+transmitter.ManageSecret+"\n}")
	elsewhere.run(true, "its events wait at http://", "create")

	newHub(t, "push push-secret").run(false, "no manage", "status")
	wrong := newHub(t, "push push-secret\nmanage {\nbearer wrong-one\n}")
	wrong.run(false, "401 Unauthorized: authentication_failed", "status")
	wrong.Down.Store(true)
	wrong.run(false, "status 503", "status")
}
