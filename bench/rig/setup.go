package rig

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Setup is one way to serve the app.
type Setup struct {
	Name string
	// Plain serves it without Latchkey, by Options.Baseline.
	Plain bool
	// SameBinary serves it so by the program that has Latchkey.
	SameBinary bool
	// Beside serves it with the other gateway of Options.Beside.
	Beside bool
	// InRedis keeps the sessions in Redis instead of the embedded store.
	InRedis bool
	// Recheck is `cache_recheck`: how long a session is used without asking the store. Empty is the default.
	Recheck string
	// Policies are how many there are beside the site's own rules. None of them concerns the users.
	Policies int
	// Bound has sessions that are bound to a device.
	Bound bool
	// Signals has a stream of events about the users, which are pushed.
	Signals bool
	// RateLimits has the limits that hold without a word.
	RateLimits bool
	// NewerKeys are keys in front of that with which sessions are filled in.
	NewerKeys []string
	// Scopes and Lines stand in the configuration, Lines in that of the site. Sites are other sites of the same process.
	Scopes, Lines, Sites string
}

// NeverAgain, as Setup.Recheck, keeps the store out of a case: what it measures is a request that the cache answers.
const NeverAgain = "1h"

// EventAudience and PushSecret are of the stream of events.
const (
	EventAudience = "https://bench.example.com"
	PushSecret    = "a-secret-for-push-in-this-run-only"
)

// boundTo is the configuration of the cases whose sessions are bound to a device. Over plain http no browser binds one;
// what it costs the gateway is the same.
const boundTo = "\t\t\tbinding prefer {\n\t\t\t\tcookie_lifetime 1h\n\t\t\t}\n"

// Addresses are what a Caddyfile has to name.
type Addresses struct {
	Site, App, Issuer, Redis string
	// Cluster are nodes of the Redis Cluster that is the store in place of Redis.
	Cluster []string
	// Admin is where the gateway can be profiled, and sessions ended.
	Admin string
	// Home is a directory of the process, File where its embedded store is.
	Home, File string
}

// Caddyfile returns the whole configuration. Plain http on a loopback address, so that the ratio is not hidden behind
// TLS, which would make it smaller. No access log, as in Caddy's own default.
func (s Setup) Caddyfile(a Addresses) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n", a.Admin)
	if !s.Plain {
		b.WriteString("\tlatchkey {\n")
		fmt.Fprintf(&b, "\t\tprovider %s {\n\t\t\tissuer %s\n\t\t\tclient_id %s\n\t\t\tclient_secret %s\n", ProviderName, a.Issuer, ClientID, ClientSecret)
		if s.Scopes != "" {
			fmt.Fprintf(&b, "\t\t\tscopes %s\n", s.Scopes)
		}
		fmt.Fprintf(&b, "\t\t}\n\t\tkeys %s\n", strings.Join(append(slices.Clone(s.NewerKeys), SecretKey), " "))
		if !s.RateLimits {
			b.WriteString("\t\trate_limit off\n")
		}
		if len(a.Cluster) > 0 {
			fmt.Fprintf(&b, "\t\tstore redis {\n\t\t\tcluster %s\n\t\t}\n", strings.Join(a.Cluster, " "))
		} else if s.InRedis {
			fmt.Fprintf(&b, "\t\tstore redis redis://%s/0\n", a.Redis)
		} else {
			fmt.Fprintf(&b, "\t\tstore file %s\n", a.File)
		}
		if s.Recheck != "" {
			binding := ""
			if s.Bound {
				binding = boundTo
			}
			fmt.Fprintf(&b, "\t\tsession {\n\t\t\tcache_recheck %s\n%s\t\t}\n", s.Recheck, binding)
		}
		if s.Signals {
			fmt.Fprintf(&b, "\t\tsignals hub {\n\t\t\tissuer %s\n\t\t\taudience %s\n\t\t\tpush %s\n\t\t}\n", a.Issuer, EventAudience, PushSecret)
		}
		for i := range s.Policies {
			fmt.Fprintf(&b, "\t\tpolicy policy-%d {\n\t\t\tinclude group department-%d\n\t\t\trequire mfa\n\t\t\tsign_in_frequency 8h\n\t\t}\n", i, i)
		}
		b.WriteString("\t}\n")
	}
	fmt.Fprintf(&b, "}\n\nhttp://%s {\n", a.Site)
	if s.Plain {
		passing := "latchkey" // which does nothing in that program
		if s.SameBinary {
			passing = ""
		}
		fmt.Fprintf(&b, "\t%s\n\t%s\n", passing, s.Lines)
	} else {
		fmt.Fprintf(&b, "\tlatchkey {\n\t\tapp %s\n\t\t%s\n\t}\n", AppName, s.Lines)
	}
	fmt.Fprintf(&b, "\treverse_proxy %s\n}\n%s", a.App, s.Sites)
	return b.String()
}

// WithTwins are the cases to run: without Redis those without it, with only those whose names match. With another
// gateway every case of Latchkey is followed by its twin, which twin has made of it, behind that one. setup tells the Setup
// of a case.
func WithTwins[C any](o Options, only *regexp.Regexp, all []C, setup func(*C) *Setup, twin func(*C)) (chosen []C) {
	for _, c := range all {
		s := setup(&c)
		if s.InRedis && o.Redis == "" || !only.MatchString(s.Name) {
			continue
		}
		chosen = append(chosen, c)
		if o.Beside != "" && !s.Plain {
			s.Name, s.Beside = s.Name+" (beside)", true
			twin(&c)
			chosen = append(chosen, c)
		}
	}
	return chosen
}
