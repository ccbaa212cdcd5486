package pages

import (
	"net/http"
	"time"
)

// Block is the reason for a refusal, in categories by what the user can do about it: a key below "blocked." of the
// texts. An unknown one reads like BlockPolicy.
type Block string

// The reasons.
const (
	BlockPolicy      Block = "policy"       // a policy that applies blocks (53003)
	BlockNotAssigned Block = "not_assigned" // the site's allow and deny lists do not admit this user (50105)
	BlockNetwork     Block = "network"      // it depends on the client's network
	BlockDevice      Block = "device"       // it depends on the device or its platform (53000, 50005)
	BlockGroups      Block = "groups"       // membership is unknown, which is a refusal
	BlockBinding     Block = "binding"      // the session is not bound to a key of the device (50155)
	BlockRequirement Block = "requirement"  // the demanded stronger or fresher sign-in was not achieved
)

var blocks = []Block{BlockPolicy, BlockNotAssigned, BlockNetwork, BlockDevice, BlockGroups, BlockBinding, BlockRequirement}

// Blocked tells the user that a decision refuses the request, which policies caused it, and what the user can do.
// Default status 403. Empty fields omit their part of the page.
type Blocked struct {
	// Title selects heading and explanation; empty means BlockPolicy.
	Title Block
	// PolicyNames are the policies that caused the refusal.
	PolicyNames []string
	// Missing are the claims in which the provider did not show what was demanded; for the operator.
	Missing []string
	// Code is the code of the sign-in log entry.
	Code int
	// Reason is the reason word of the log.
	Reason string
	// RequestID identifies the log entry; one click selects it.
	RequestID string
	// Time of the decision; shown to the second.
	Time time.Time
	// UserName is the refused user; empty if no user is signed in.
	UserName string
	// SwitchURL signs in as another user. RetryURL tries again, for instance with a stronger sign-in.
	SwitchURL, RetryURL string
	// Stronger: RetryURL demands more than the previous sign-in achieved.
	Stronger bool
	// Binding is what helps a user with BlockBinding.
	Binding Binding
	// NextURL is what the browser opens by itself after a few seconds, with BindingTrying; a path on this origin.
	NextURL string
}

// Binding is what a user can do about a session that is not bound: a key below "blocked.binding." of the texts; empty if
// there is nothing to say.
type Binding string

// The possibilities.
const (
	BindingTrying Binding = "trying" // the browser may be about to bind it; the page tries again by itself
	BindingWait   Binding = "wait"   // the sign-in was a short time ago; another one would not help yet
	BindingAgain  Binding = "again"  // another sign-in may help
	BindingYes    Binding = "yes"    // only a session of a user who stays signed in is bound
)

var bindings = []Binding{BindingTrying, BindingWait, BindingAgain, BindingYes}

// tryAfter is how many seconds a page with BindingTrying waits. A key in a security chip takes most of a second.
const tryAfter = "3"

// next returns the value of a Refresh header; empty if the page stays.
func (b Blocked) next() string {
	if b.Binding != BindingTrying {
		return ""
	}
	return refreshTo(tryAfter, b.NextURL)
}

func (Blocked) template() string { return "blocked" }

func (Blocked) status() int { return http.StatusForbidden }

func (b Blocked) title() (string, []string) { return b.Key() + ".title", nil }

// Key returns the text key of the explanation.
func (b Blocked) Key() string {
	for _, known := range blocks {
		if b.Title == known {
			return "blocked." + string(known)
		}
	}
	return "blocked." + string(BlockPolicy)
}

func (b Blocked) requestID() string { return b.RequestID }
