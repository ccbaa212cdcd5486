package pages

import (
	"net/http"
	"net/netip"
	"time"
)

// Me shows people their own sessions and sign-ins. Its forms post to <Base>/me: csrf, and either session=<id> to end that
// one, or do=end_others|end_all|persistent|browser|forget_answer.
type Me struct {
	UserName, CSRF string
	// Now is the time from which is counted how long something is left.
	Now time.Time
	// Sessions are to be shown in this order; that of this browser first.
	Sessions []MySession
	// MoreSessions: there are more than these. Unreadable: there are some that cannot be shown.
	MoreSessions, Unreadable bool
	// Stay is what can be done about this browser's session when the browser is closed.
	Stay Stay
	// KeptIdle and KeptMax are the limits that will hold if it is kept, with StayOffer; zero as in Prompt.
	KeptIdle, KeptMax time.Duration
	// Remembered is the answer to the prompt that this browser keeps.
	Remembered Remembered
	SignIns    []MySignIn
	// SignInsKept: sign-ins are kept at all. SignInsDown: they cannot be shown now. MoreSignIns: there are older ones.
	SignInsKept, SignInsDown, MoreSignIns bool
}

// MySession is one session. Empty fields leave their part away.
type MySession struct {
	ID string
	// This: it is the session of the browser that shows the page.
	This, Persistent                    bool
	Browser, System                     string
	Form                                Form
	Place                               Place
	Apps                                []string
	First, Last, EndsUnused, EndsLatest time.Time
}

// MySignIn is one entry of the sign-in log.
type MySignIn struct {
	Outcome Outcome
	// Code is the code of the entry, zero for success.
	Code                 int
	Time                 time.Time
	App, Browser, System string
	Place                Place
}

// Form is what kind of device it is: a key below "me." of the texts; empty if unknown.
type Form string

// The forms that exist.
const (
	FormComputer Form = "computer"
	FormPhone    Form = "phone"
	FormTablet   Form = "tablet"
)

// Stay is what can be done about a session when the browser is closed: a key below "me.stay." of the texts, but for
// StayNone.
type Stay string

// What can be done, or why nothing can.
const (
	StayNone    Stay = ""        // nothing would change
	StayOffer   Stay = "offer"   // it ends with the browser and may be kept
	StayEnd     Stay = "end"     // it is kept and may end with the browser
	StayPolicy  Stay = "policy"  // a policy ends it with the browser
	StaySetting Stay = "setting" // nobody can keep a session here
	StaySignal  Stay = "signal"  // this person, or this device, cannot
)

// Remembered is an answer that a browser keeps; empty if none. The value is the text key of the answer.
type Remembered string

// The answers.
const (
	RememberedYes Remembered = "prompt.yes"
	RememberedNo  Remembered = "prompt.no"
)

// Outcome is what became of a sign-in: a key below "me.outcome." of the texts.
type Outcome string

// The outcomes that exist.
const (
	OutcomeSignedIn    Outcome = "signed_in"
	OutcomeUnanswered  Outcome = "unanswered"
	OutcomeBlocked     Outcome = "blocked"
	OutcomeNotAssigned Outcome = "not_assigned"
	OutcomeStronger    Outcome = "stronger"
	OutcomeUnfinished  Outcome = "unfinished"
	OutcomeEnded       Outcome = "ended"
	OutcomeDeclined    Outcome = "declined"
	OutcomeFailed      Outcome = "failed"
)

var (
	forms    = []Form{FormComputer, FormPhone, FormTablet}
	stays    = []Stay{StayOffer, StayEnd, StayPolicy, StaySetting, StaySignal}
	outcomes = []Outcome{
		OutcomeSignedIn, OutcomeUnanswered, OutcomeBlocked, OutcomeNotAssigned, OutcomeStronger, OutcomeUnfinished,
		OutcomeEnded, OutcomeDeclined, OutcomeFailed,
	}
)

func (Me) template() string { return "me" }

func (Me) status() int { return http.StatusOK }

func (Me) title() (string, []string) { return "me.title", nil }

func (Me) posts() {}

// Others reports whether there is any session beside that of this browser.
func (m Me) Others() bool { return len(m.Sessions) > 1 || m.MoreSessions || m.Unreadable }

// Kept is what the session would be if it were kept.
func (m Me) Kept() Answer { return explain("yes", m.KeptIdle, m.KeptMax) }

// Left is how long something is left at the time of the page; at least nothing.
func (m Me) Left(end time.Time) time.Duration { return max(end.Sub(m.Now), 0) }

// Device is the text of what somebody signs in with: "Firefox on Windows".
func (v view) Device(browser, system string) (Phrase, error) {
	switch {
	case browser != "" && system != "":
		return v.Say("me.device", "browser", browser, "system", system)
	case browser != "" || system != "":
		return Phrase{{Text: browser + system, Value: true}}, nil
	}
	return v.Say("me.device_unknown")
}

// deadline is an end, with the page that counts to it.
type deadline struct {
	View view
	End  time.Time
}

// Until makes a deadline, for a template that is given one value.
func (v view) Until(end time.Time) deadline { return deadline{v, end} }

// Place is the name of a network or an address.
type Place string

// Address reports whether it is an address. One has no letters to tell how it is written, ::1 for instance, and would be
// turned round among words that are written from right to left.
func (p Place) Address() bool {
	_, err := netip.ParseAddr(string(p))
	return err == nil
}
