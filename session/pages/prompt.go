package pages

import (
	"cmp"
	"net/http"
	"time"
)

// Prompt asks "Stay signed in?". Its form posts to <Base>/stay: csrf, answer=yes|no|cancel, and remember=1 if the box
// is ticked. Yes is the first button of the form, so it is also what Enter does, and it is shown as the primary one.
type Prompt struct {
	// UserName is the user who signs in, AppName the app; either may be empty.
	UserName, AppName string
	// CSRF is the token that the answer must contain.
	CSRF string
	// Return is the page that this tab opens after the answer.
	Return string
	// TooLong: the address of that page was too long to keep.
	TooLong bool
	// The limits that will hold after No (browser) and after Yes (persistent). Zero means that there is no such
	// limit. An idle limit that is not below the max lifetime never matters and is not mentioned.
	BrowserIdle, BrowserMax, PersistentIdle, PersistentMax time.Duration
	// UnboundIdle and UnboundMax are the limits after Yes if the browser does not bind the session to a key of the
	// device. Zero: as PersistentIdle and PersistentMax.
	UnboundIdle, UnboundMax time.Duration
	// UnboundEnds: such a session ends with the browser, as after No, whatever UnboundMax is.
	UnboundEnds bool
	// RememberFor is how long "Don't show this again" lasts. Zero hides the checkbox.
	RememberFor time.Duration
	// AdminText is the operator's own text below the question, plain text; line breaks are kept.
	AdminText string
}

func (Prompt) template() string { return "prompt" }

func (Prompt) status() int { return http.StatusOK }

func (Prompt) title() (string, []string) { return "prompt.title", nil }

func (Prompt) posts() {}

func (p Prompt) put(instead func(string) string) any {
	p.UserName, p.AppName, p.CSRF, p.Return = instead(p.UserName), instead(p.AppName), instead(p.CSRF), instead(p.Return)
	return p
}

// Answer describes one button of the prompt.
type Answer struct {
	// ID is the value of the button, and the ID of its explanation. Label and Limit are text keys.
	ID, Label, Limit string
	// Max is a value in the text of Limit. Idle is the idle limit that ends the session earlier; zero if it never does.
	Max, Idle time.Duration
	// UnboundMax is a value in the text of Limit too, or zero. UnboundIdle is the idle limit without a binding if it
	// differs, else zero; Idle is then set.
	UnboundMax, UnboundIdle time.Duration
}

// Answers returns Yes and No with their explanations.
func (p Prompt) Answers() []Answer {
	return []Answer{
		explainYes(p.PersistentIdle, p.PersistentMax, p.UnboundIdle, p.UnboundMax, p.UnboundEnds),
		explain("no", p.BrowserIdle, p.BrowserMax),
	}
}

// explainYes is explain for Yes, with the limits of a session that the browser does not bind.
func explainYes(idle, longest, unboundIdle, unboundMax time.Duration, ends bool) Answer {
	a := explain("yes", idle, longest)
	switch {
	case longest <= 0:
	case ends:
		a.Limit = "prompt.yes_require"
	default:
		if unboundMax > 0 && unboundMax != longest {
			a.Limit, a.UnboundMax = "prompt.yes_both", unboundMax
		}
		other := explain("yes", unboundIdle, cmp.Or(unboundMax, longest))
		if unboundIdle > 0 && other.Idle > 0 && other.Idle != a.Idle {
			a.UnboundIdle, a.Idle = other.Idle, cmp.Or(a.Idle, longest)
		}
	}
	return a
}

func explain(id string, idle, longest time.Duration) Answer {
	a := Answer{ID: id, Label: "prompt." + id, Limit: "prompt." + id + "_max", Max: longest, Idle: max(idle, 0)}
	if longest <= 0 {
		a.Limit = "prompt." + id + "_unlimited"
	} else if idle >= longest {
		a.Idle = 0
	}
	return a
}
