package request

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// A variant is one case.
type variant struct {
	rig.Setup
	// people are how many sessions take turns, or rather which of Options.People.
	people Size
	// burst is how many requests in a row are of one session; 0 is one.
	burst int
	// programs has programs with access tokens in the place of browsers with sessions; own those with personal tokens.
	programs, own bool
	// target is the promise about the ratio of CPU; nil is none.
	target *target.Target
}

// Size stands for a number of sessions that the options say.
type Size int

// The sizes: one session, those of a usual case, and many.
const (
	Few Size = iota
	Some
	Many
	Sizes
)

// identityHeaders are as long as those of a signed-in user: they cost Caddy the same if an app sets them.
var identityHeaders = func() string {
	who := rig.Subject(0)
	return fmt.Sprintf("request_header Remote-User %[1]s@example.com\n\trequest_header Remote-Email %[1]s@example.com\n\trequest_header Remote-Name \"A Person\"", who)
}()

// ownToken is a personal token of the programs.
var ownToken = apitoken.Draft{Name: "bench", App: rig.AppName}

// Control is the baseline in another process: its ratio must be 1.00, within its error.
const Control = "plain Caddy, another process of the same"

// variants are the rows of the report. The first is the baseline of all ratios.
var variants = []variant{
	{Setup: rig.Setup{Name: "plain Caddy", Plain: true}},
	{Setup: rig.Setup{Name: Control, Plain: true}},
	{Setup: rig.Setup{Name: "plain Caddy, in the binary that has Latchkey", Plain: true, SameBinary: true}},
	{Setup: rig.Setup{Name: "plain Caddy that sets three headers", Plain: true, Lines: identityHeaders}},
	{Setup: rig.Setup{Name: "plain Caddy that sets ten groups too", Plain: true, Lines: identityHeaders + "\n\trequest_header Remote-Groups " + strings.Join(rig.GroupsOf(0), ",")}},
	{Setup: rig.Setup{Name: "cached, file", Recheck: rig.NeverAgain}, people: Some, target: target.SignedIn},
	{Setup: rig.Setup{Name: "cached, file, one session", Recheck: rig.NeverAgain}, people: Few, target: target.SignedIn},
	{Setup: rig.Setup{Name: "cached, file, many sessions", Recheck: rig.NeverAgain}, people: Many, target: target.SignedIn},
	{Setup: rig.Setup{Name: "cached, file, ten groups in a header", Recheck: rig.NeverAgain, Lines: "headers remote groups"}, people: Some, target: target.Groups},
	{Setup: rig.Setup{Name: "cached, file, 100 policies", Recheck: rig.NeverAgain, Policies: 100}, people: Some},
	{Setup: rig.Setup{Name: "cached, Redis", InRedis: true, Recheck: rig.NeverAgain}, people: Some, target: target.SignedIn},
	{Setup: rig.Setup{Name: "cached, Redis, one session", InRedis: true, Recheck: rig.NeverAgain}, people: Few, target: target.SignedIn},
	{Setup: rig.Setup{Name: "cached, Redis, many sessions", InRedis: true, Recheck: rig.NeverAgain}, people: Many, target: target.SignedIn},
	{Setup: rig.Setup{Name: "cached, Redis, bound to a device", InRedis: true, Recheck: rig.NeverAgain, Bound: true}, people: Some},
	{Setup: rig.Setup{Name: "plain Caddy, requests of a program", Plain: true}, programs: true},
	{Setup: rig.Setup{Name: "access token of a program, Redis", InRedis: true, Recheck: rig.NeverAgain, Lines: "bearer {\n\t\t\taudience " + rig.TokenAudience + "\n\t\t}"}, programs: true, people: Some},
	{Setup: rig.Setup{Name: "personal token of a program, Redis", InRedis: true, Recheck: rig.NeverAgain, Lines: "tokens on"}, programs: true, own: true, people: Some},
	{Setup: rig.Setup{Name: "as it comes, file"}, people: Some, target: target.InTurn},
	{Setup: rig.Setup{Name: "as it comes, Redis", InRedis: true}, people: Some, target: target.InTurn},
	{Setup: rig.Setup{Name: "as it comes, Redis, 40 requests a visit", InRedis: true}, people: Some, burst: 40, target: target.AsItComes},
	{Setup: rig.Setup{Name: "strict, file", Recheck: "0"}, people: Some},
	{Setup: rig.Setup{Name: "strict, Redis", InRedis: true, Recheck: "0"}, people: Some, target: target.Strict},
	{Setup: rig.Setup{Name: "strict, Redis, many sessions", InRedis: true, Recheck: "0"}, people: Many, target: target.Strict},
}

// chosen are the variants to run, the baseline and its control always. With another gateway every case of Latchkey has a twin behind it that
// this one serves, and nothing is promised of it.
func chosen(o rig.Options, only *regexp.Regexp) []variant {
	setup := func(v *variant) *rig.Setup { return &v.Setup }
	twin := func(v *variant) { v.target = nil }
	return append(variants[:2:2], rig.WithTwins(o, only, variants[2:], setup, twin)...)
}

// Names are the cases, in the order of the report.
func Names() []string {
	names := make([]string, len(variants))
	for i, v := range variants {
		names[i] = v.Name
	}
	return names
}
