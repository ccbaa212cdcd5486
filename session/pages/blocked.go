package pages

import (
	"net/http"
	"time"
)

// Block is why a decision was a refusal, as far as the reader can do something about it: a key below "blocked." of
// the texts. An unknown one reads like BlockPolicy.
type Block string

// The explanations that exist.
const (
	BlockPolicy      Block = "policy"       // a policy that applies says block (53003)
	BlockNotAssigned Block = "not_assigned" // the site's allow and deny do not let this person in (50105)
	BlockNetwork     Block = "network"      // it depends on where the request comes from
	BlockDevice      Block = "device"       // it depends on the device or its platform (53000, 50005)
	BlockGroups      Block = "groups"       // membership is unknown, and unknown is a refusal
	BlockRequirement Block = "requirement"  // a stronger or fresher sign-in did not come about
)

var blocks = []Block{BlockPolicy, BlockNotAssigned, BlockNetwork, BlockDevice, BlockGroups, BlockRequirement}

// Blocked says that a decision was a refusal, which policies spoke, and what one can do. Default status 403. Empty
// fields leave their part of the page away.
type Blocked struct {
	// Title picks heading and explanation; empty means BlockPolicy.
	Title Block
	// PolicyNames are the policies that spoke.
	PolicyNames []string
	// Missing are the claims in which the provider did not show what was demanded; for whoever runs it.
	Missing []string
	// Code is the code of the sign-in log entry.
	Code int
	// Reason is the reason in the log's words.
	Reason string
	// RequestID finds the log entry; shown so that it can be selected with one click.
	RequestID string
	// Time of the decision; shown to the second.
	Time time.Time
	// UserName is who was refused; empty for somebody who is not signed in.
	UserName string
	// SwitchURL signs in as someone else. RetryURL tries again, for instance with a stronger sign-in.
	SwitchURL, RetryURL string
	// Stronger tells that RetryURL asks for more than the sign-in that was not enough.
	Stronger bool
}

func (Blocked) template() string { return "blocked" }

func (Blocked) status() int { return http.StatusForbidden }

func (b Blocked) title() (string, []string) { return b.Key() + ".title", nil }

// Key is the text key that explains the refusal.
func (b Blocked) Key() string {
	for _, known := range blocks {
		if b.Title == known {
			return "blocked." + string(known)
		}
	}
	return "blocked." + string(BlockPolicy)
}

func (b Blocked) requestID() string { return b.RequestID }
