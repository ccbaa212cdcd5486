package pages

import (
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// Me shows users their own sessions, sign-ins and tokens. Its forms post to <Base>/me: csrf, and either session=<id> to
// end that session, token=<id> to revoke that token, or do=end_others|end_all|persistent|browser|forget_answer; with
// end_all tokens=1 if the checkbox is ticked.
type Me struct {
	UserName, CSRF string
	// Now is the time from which remaining times are computed.
	Now time.Time
	// Sessions are shown in this order; the session of this browser comes first.
	Sessions []MySession
	// MoreSessions: there are more than these. Unreadable: some cannot be shown.
	MoreSessions, Unreadable bool
	// Stay is what the user can change about this browser's session.
	Stay Stay
	// KeptIdle and KeptMax are the limits after StayOffer is accepted; zero as in Prompt.
	KeptIdle, KeptMax time.Duration
	// Remembered is the answer to the prompt that this browser remembers.
	Remembered Remembered
	SignIns    []MySignIn
	// SignInsKept: sign-ins are stored. SignInsDown: they cannot be read now. MoreSignIns: there are older ones.
	SignInsKept, SignInsDown, MoreSignIns bool
	// TokensOn: users can make tokens for programs here. Tokens are those of the user.
	TokensOn bool
	Tokens   []MyToken
	// HeldTokens is how many tokens the user has, for a checkbox that revokes them; zero omits it.
	HeldTokens int
}

// MyToken is a token that the user has made for a program. Used is zero if it was never used.
type MyToken struct {
	ID, Name, App          string
	Created, Expires, Used time.Time
	Place                  Place
}

// MakeToken asks for a new token. Its form posts to <Base>/me: csrf, once, do=create_token, name, app, expires=<days>d.
type MakeToken struct {
	UserName, CSRF string
	// Once is a random value, so that the form makes one token however often it is sent.
	Once string
	// Name is what the user has typed, App and Days what they have chosen.
	Name, App string
	Days      int
	Apps      []string
	// MaxName is the length of a name in characters.
	MaxName int
	// Fault is what was wrong with what the user has sent.
	Fault TokenFault
}

// TokenFault is why a token was not made: a key below "me.token." of the texts; empty if nothing is wrong.
type TokenFault string

// The faults.
const (
	TokenName TokenFault = "fault_name" // the name is missing, too long or not printable
	TokenLife TokenFault = "fault_life" // the end or the app is none of those that are offered
	TokenMany TokenFault = "fault_many" // there are as many as a user may have
	TokenSent TokenFault = "fault_sent" // the form was sent before, and has made a token
)

var tokenFaults = []TokenFault{TokenName, TokenLife, TokenMany, TokenSent}

// tokenDays are the lives of a token that are offered.
var tokenDays = []int{7, 30, 90, 180, 365}

// TokenDays is the life that is chosen unless the user chooses another one.
const TokenDays = 90

// MadeToken shows a token that was just made. It is the only page that does.
type MadeToken struct {
	UserName, Name, App string
	Expires             time.Time
	Text                string
}

// MySession is one session. Empty fields omit their part.
type MySession struct {
	ID string
	// This: the session belongs to the browser that shows the page.
	This, Persistent bool
	// Bound: the session is bound to a key of its device.
	Bound                               bool
	Browser, System                     string
	Form                                Form
	Place                               Place
	Apps                                []string
	First, Last, EndsUnused, EndsLatest time.Time
}

// MySignIn is one entry of the sign-in log.
type MySignIn struct {
	Outcome Outcome
	// Why is what the provider reported, for OutcomeEndedByProvider and OutcomeAgain.
	Why Why
	// Code is the code of the entry; zero means success.
	Code                 int
	Time                 time.Time
	App, Browser, System string
	Place                Place
}

// Form is the kind of a device: a key below "me." of the texts; empty if unknown.
type Form string

// The kinds of device.
const (
	FormComputer Form = "computer"
	FormPhone    Form = "phone"
	FormTablet   Form = "tablet"
)

// Stay is what the user can change about a session's end: a key below "me.stay." of the texts, except for StayNone.
type Stay string

// The possible changes, or why there is none.
const (
	StayNone    Stay = ""        // no change would have an effect
	StayOffer   Stay = "offer"   // the session ends with the browser, and the user may make it persistent
	StayEnd     Stay = "end"     // the session is persistent, and the user may make it end with the browser
	StayPolicy  Stay = "policy"  // a policy ends it with the browser
	StaySetting Stay = "setting" // the configuration allows no persistent sessions here
	StaySignal  Stay = "signal"  // a signal of the user or the device prevents it
)

// Remembered is an answer that a browser remembers; empty if none. The value is the text key of the answer.
type Remembered string

// The answers.
const (
	RememberedYes Remembered = "prompt.yes"
	RememberedNo  Remembered = "prompt.no"
)

// Outcome is the result of a sign-in: a key below "me.outcome." of the texts.
type Outcome string

// The outcomes.
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
	// OutcomeEndedByProvider: the provider had the session ended. OutcomeAgain: it demanded another authentication.
	OutcomeEndedByProvider Outcome = "ended_by_provider"
	OutcomeAgain           Outcome = "again"
)

var (
	forms    = []Form{FormComputer, FormPhone, FormTablet}
	stays    = []Stay{StayOffer, StayEnd, StayPolicy, StaySetting, StaySignal}
	outcomes = []Outcome{
		OutcomeSignedIn, OutcomeUnanswered, OutcomeBlocked, OutcomeNotAssigned, OutcomeStronger, OutcomeUnfinished,
		OutcomeEnded, OutcomeDeclined, OutcomeFailed, OutcomeEndedByProvider, OutcomeAgain,
	}
)

// Because returns the text key of Why; empty if there is nothing to say.
func (s MySignIn) Because() string { return s.Why.key() }

func (Me) template() string        { return "me" }
func (MakeToken) template() string { return "make_token" }
func (MadeToken) template() string { return "made_token" }

func (Me) status() int        { return http.StatusOK }
func (MakeToken) status() int { return http.StatusOK }
func (MadeToken) status() int { return http.StatusOK }

func (Me) title() (string, []string)        { return "me.title", nil }
func (MakeToken) title() (string, []string) { return "me.token.make", nil }
func (MadeToken) title() (string, []string) { return "me.token.made", nil }

func (Me) posts()        {}
func (MakeToken) posts() {}

// Choices returns the lives of a token that are offered, in days.
func (MakeToken) Choices() []int { return tokenDays }

// Chosen returns the life that is chosen.
func (m MakeToken) Chosen() int {
	if slices.Contains(tokenDays, m.Days) {
		return m.Days
	}
	return TokenDays
}

// Others reports whether there are sessions besides that of this browser.
func (m Me) Others() bool { return len(m.Sessions) > 1 || m.MoreSessions || m.Unreadable }

// Kept returns the description of the session if it becomes persistent.
func (m Me) Kept() Answer { return explain("yes", m.KeptIdle, m.KeptMax) }

// Left returns the time left until end, at least zero.
func (m Me) Left(end time.Time) time.Duration { return max(end.Sub(m.Now), 0) }

// Device returns the text for a device: "Firefox on Windows".
func (v view) Device(browser, system string) (Phrase, error) {
	switch {
	case browser != "" && system != "":
		return v.Say("me.device", "browser", browser, "system", system)
	case browser != "" || system != "":
		return Phrase{{Text: browser + system, Value: true}}, nil
	}
	return v.Say("me.device_unknown")
}

// deadline is a time with the page that shows the time left until it.
type deadline struct {
	View view
	End  time.Time
}

// Until returns a deadline, for templates that take one value.
func (v view) Until(end time.Time) deadline { return deadline{v, end} }

// Place is the name of a network, or an address.
type Place string

// Address reports whether it is an address. An address such as ::1 contains no letters that set its direction, and
// would be reversed in text written from right to left.
func (p Place) Address() bool {
	_, err := netip.ParseAddr(string(p))
	return err == nil
}
