package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
)

const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%[1]s\r\nDTSTAMP:20261130T080000Z\r\n" +
	"DTSTART:20261201T090000Z\r\nSUMMARY:%[1]s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// vdirsyncer finds the calendars of its user at Radicale, which knows the user from the gateway alone, and loses nothing when it
// is kept out.
func TestVdirsyncer(t *testing.T) {
	t.Parallel()
	d := apps.NewCalDAV(t)
	s := clientSite(t, d.Addr, config{})
	h := apps.NewHome(t)
	use := func(token string) {
		credential := ""
		if token != "" {
			credential = fmt.Sprintf("username = \"alice\"\npassword = \"%s\"\n", token)
		}
		h.Write("config", fmt.Sprintf(`[general]
status_path = "%[1]s/status"
[pair work]
a = "mine"
b = "theirs"
collections = ["work"]
[storage mine]
type = "filesystem"
path = "%[1]s/calendars"
fileext = ".ics"
[storage theirs]
type = "caldav"
url = "%[2]s/"
%[3]s`, h.Dir, s.origin(), credential))
	}
	run := func(command string) apps.Result {
		return h.Feed("y\ny\n", "vdirsyncer", "-c", h.Path("config"), command)
	}
	h.Write("calendars/work/lunch.ics", fmt.Sprintf(event, "lunch"))

	first := s.create("alice")
	for _, name := range []string{"X-Remote-User", "X_Remote_User", "Remote-User"} {
		r := s.program("/adam/work/", first.Token, http.Header{name: {"adam"}})
		if r.StatusCode != http.StatusForbidden || strings.Contains(r.Header.Get("Content-Type"), "problem") {
			t.Errorf("the calendar of adam with %s: %d %s", name, r.StatusCode, r.Text)
		}
	}
	use(first.Token)
	mustSucceed(t, run("discover")) // makes the calendar
	mustSucceed(t, run("sync"))
	if got := d.Items(t, "alice", "work"); len(got) != 1 {
		t.Fatalf("at the server: %v", got)
	}
	kept := func(t *testing.T) {
		t.Helper()
		if !strings.Contains(h.Read("calendars/work/lunch.ics"), "UID:lunch") || len(d.Items(t, "alice", "work")) != 1 {
			t.Error("the event is gone")
		}
	}
	s.revoke("alice", first)
	mustFail(t, run("sync"), "401")
	kept(t)
	s.eachBarred(t, func(t *testing.T, b barred) {
		use(b.token)
		r := run("discover")
		mustFail(t, r, fmt.Sprint(b.seen(r.Out)))
		mustFail(t, run("sync"))
		kept(t)
	}, func(t *testing.T, token string) {
		use(token)
		h.Write("calendars/work/tea.ics", fmt.Sprintf(event, "tea"))
		mustSucceed(t, run("discover"))
		mustSucceed(t, run("sync"))
		if got := d.Items(t, "alice", "work"); len(got) != 2 {
			t.Errorf("at the server: %v", got)
		}
	})
}
