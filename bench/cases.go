package main

import (
	"fmt"
	"strings"
)

// A variant is one way to serve the app that is measured.
type variant struct {
	name string
	// plain serves it without Latchkey: the baseline.
	plain bool
	// redis keeps the sessions in Redis instead of the embedded store.
	redis bool
	// site is the inside of the latchkey directive.
	site string
}

// variants are the rows of the report. The first is the baseline of all ratios.
var variants = []variant{
	{name: "plain Caddy", plain: true},
	{name: "Latchkey, no headers", site: "headers none"},
	{name: "Latchkey, ten groups in a header", site: "headers remote"},
	{name: "Latchkey, ten groups, Redis", redis: true, site: "headers remote"},
}

// addresses are what a Caddyfile has to name.
type addresses struct {
	site, app, issuer, redis string
	// admin is where the gateway can be profiled; empty is nowhere.
	admin string
}

// caddyfile returns the whole configuration of a variant. Plain http on a loopback address, so that the ratio is not
// hidden behind TLS, which would make it smaller.
func (v variant) caddyfile(a addresses) string {
	var b strings.Builder
	admin := "off"
	if a.admin != "" {
		admin = a.admin
	}
	fmt.Fprintf(&b, "{\n\tadmin %s\n", admin)
	b.WriteString("\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n")
	if !v.plain {
		b.WriteString("\tlatchkey {\n")
		fmt.Fprintf(&b, "\t\tprovider {\n\t\t\tissuer %s\n\t\t\tclient_id %s\n\t\t\tclient_secret %s\n\t\t}\n", a.issuer, clientID, clientSecret)
		b.WriteString("\t\trate_limit off\n")
		if v.redis {
			fmt.Fprintf(&b, "\t\tstore redis redis://%s/0\n", a.redis)
		}
		b.WriteString("\t}\n")
	}
	fmt.Fprintf(&b, "}\n\nhttp://%s {\n", a.site)
	if !v.plain {
		fmt.Fprintf(&b, "\tlatchkey {\n\t\t%s\n\t}\n", v.site)
	}
	fmt.Fprintf(&b, "\treverse_proxy %s\n}\n", a.app)
	return b.String()
}
