package main

import (
	"fmt"
	"strings"
)

// A variant is one way to serve the app that is measured.
type variant struct {
	name string
	// plain serves it without Latchkey. The first is the baseline.
	plain bool
	// beside serves it with the other gateway of options.beside.
	beside bool
	// inRedis keeps the sessions in Redis instead of the embedded store.
	inRedis bool
	// people are how many sessions take turns, or rather which of options.people.
	people size
	// recheck is `cache_recheck`: how long a session is used without asking the store. Empty is the default.
	recheck string
	// atOnce is how many people sign in at the same time, where they do.
	atOnce int
	// burst is how many requests in a row are of one session; 0 is one.
	burst int
	// policies are how many there are beside the site's own rules. None of them concerns the people.
	policies int
	// bound has sessions that are bound to a device.
	bound bool
	// programs has programs with access tokens in the place of browsers with sessions; own those with personal tokens.
	programs, own bool
	// signals has a stream of events about the people, which are pushed.
	signals bool
	// scopes and lines stand in the configuration, lines in that of the site.
	scopes, lines string
	// owed and stretch are the ratios of CPU that the design promises; 0 is none.
	owed, stretch float64
}

// size stands for a number of sessions that the options say.
type size int

const (
	few size = iota // one
	some
	many
	sizes
)

// identityHeaders are as long as those of a signed-in user: they cost Caddy the same if an app sets them.
var identityHeaders = func() string {
	who := subject(0)
	return fmt.Sprintf("request_header Remote-User %[1]s@example.com\n\trequest_header Remote-Email %[1]s@example.com\n\trequest_header Remote-Name \"A Person\"", who)
}()

// neverAgain keeps the store out of a case: what it measures is a request that the cache answers.
const neverAgain = "1h"

// variants are the rows of the report. The first is the baseline of all ratios, the second the reference of what one
// more thing costs.
var variants = []variant{
	{name: "plain Caddy", plain: true},
	{name: "plain Caddy that sets three headers", plain: true, lines: identityHeaders},
	{name: "plain Caddy that sets ten groups too", plain: true, lines: identityHeaders + "\n\trequest_header Remote-Groups " + strings.Join(groupsOf(0), ",")},
	{name: "cached, file", people: some, recheck: neverAgain, owed: 1.10, stretch: 1.05},
	{name: "cached, file, one session", people: few, recheck: neverAgain, owed: 1.10, stretch: 1.05},
	{name: "cached, file, many sessions", people: many, recheck: neverAgain, owed: 1.15, stretch: 1.05},
	{name: "cached, file, ten groups in a header", people: some, recheck: neverAgain, lines: "headers remote groups", owed: 1.18, stretch: 1.12},
	{name: "cached, file, 100 policies", people: some, recheck: neverAgain, policies: 100},
	{name: "cached, Redis", inRedis: true, people: some, recheck: neverAgain, owed: 1.10, stretch: 1.05},
	{name: "cached, Redis, one session", inRedis: true, people: few, recheck: neverAgain, owed: 1.10, stretch: 1.05},
	{name: "cached, Redis, many sessions", inRedis: true, people: many, recheck: neverAgain, owed: 1.15, stretch: 1.05},
	{name: "cached, Redis, bound to a device", inRedis: true, people: some, recheck: neverAgain, bound: true},
	{name: "plain Caddy, requests of a program", plain: true, programs: true},
	{name: "access token of a program, Redis", inRedis: true, programs: true, people: some, recheck: neverAgain, lines: "bearer {\n\t\t\taudience " + tokenAudience + "\n\t\t}"},
	{name: "personal token of a program, Redis", inRedis: true, programs: true, own: true, people: some, recheck: neverAgain, lines: "tokens on"},
	{name: "as it comes, Redis, 40 requests a visit", inRedis: true, people: some, burst: 40},
	{name: "strict, file", people: some, recheck: "0"},
	{name: "strict, Redis", inRedis: true, people: some, recheck: "0", owed: 1.85, stretch: 1.6},
	{name: "strict, Redis, many sessions", inRedis: true, people: many, recheck: "0", owed: 1.85, stretch: 1.6},
}

// signInVariants are the cases in which people sign in.
var signInVariants = []variant{
	{name: "sign-in, file", atOnce: connections[0]},
	{name: "sign-in, file, one at a time", atOnce: 1},
	{name: "sign-in, Redis", inRedis: true, atOnce: connections[0]},
	{name: "sign-in, Redis, one at a time", inRedis: true, atOnce: 1},
	{name: "sign-in, Redis, no refresh token", inRedis: true, atOnce: connections[0], scopes: "openid profile email"},
}

// addresses are what a Caddyfile has to name.
type addresses struct {
	site, app, issuer, redis string
	// admin is where the gateway can be profiled, and sessions ended.
	admin string
	// file is where the embedded store is.
	file string
}

// caddyfile returns the whole configuration of a variant. Plain http on a loopback address, so that the ratio is not
// hidden behind TLS, which would make it smaller. No access log, as in Caddy's own default.
func (v variant) caddyfile(a addresses) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n", a.admin)
	if !v.plain {
		b.WriteString("\tlatchkey {\n")
		fmt.Fprintf(&b, "\t\tprovider %s {\n\t\t\tissuer %s\n\t\t\tclient_id %s\n\t\t\tclient_secret %s\n", providerName, a.issuer, clientID, clientSecret)
		if v.scopes != "" {
			fmt.Fprintf(&b, "\t\t\tscopes %s\n", v.scopes)
		}
		fmt.Fprintf(&b, "\t\t}\n\t\tkeys %s\n\t\trate_limit off\n", secretKey)
		if v.inRedis {
			fmt.Fprintf(&b, "\t\tstore redis redis://%s/0\n", a.redis)
		} else {
			fmt.Fprintf(&b, "\t\tstore file %s\n", a.file)
		}
		if v.recheck != "" {
			binding := ""
			if v.bound {
				binding = boundTo
			}
			fmt.Fprintf(&b, "\t\tsession {\n\t\t\tcache_recheck %s\n%s\t\t}\n", v.recheck, binding)
		}
		if v.signals {
			fmt.Fprintf(&b, "\t\tsignals hub {\n\t\t\tissuer %s\n\t\t\taudience %s\n\t\t\tpush %s\n\t\t}\n", a.issuer, eventAudience, pushSecret)
		}
		for i := range v.policies {
			fmt.Fprintf(&b, "\t\tpolicy policy-%d {\n\t\t\tinclude group department-%d\n\t\t\trequire mfa\n\t\t\tsign_in_frequency 8h\n\t\t}\n", i, i)
		}
		b.WriteString("\t}\n")
	}
	fmt.Fprintf(&b, "}\n\nhttp://%s {\n", a.site)
	if v.plain {
		fmt.Fprintf(&b, "\t%s\n", v.lines)
	} else {
		fmt.Fprintf(&b, "\tlatchkey {\n\t\tapp %s\n\t\t%s\n\t}\n", appName, v.lines)
	}
	fmt.Fprintf(&b, "\treverse_proxy %s\n}\n", a.app)
	return b.String()
}

// tokenAudience is for whom the access tokens of programs are.
const tokenAudience = "https://api.example.com"

// eventAudience and pushSecret are of the stream of events.
const (
	eventAudience = "https://bench.example.com"
	pushSecret    = "a-secret-for-push-in-this-run-only"
)

// boundTo is the configuration of the cases whose sessions are bound to a device. Over plain http no browser binds one;
// what it costs the gateway is the same.
const boundTo = "\t\t\tbinding prefer {\n\t\t\t\tcookie_lifetime 1h\n\t\t\t}\n"
