package caddysecurity

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// policy is an authorization policy.
type policy struct {
	from  draft.Origin
	name  string
	rules []rule
	// open are the requests that need no sign-in.
	open []when
	// authURL is where users are sent to sign in.
	authURL string
	// closed says why no user may pass.
	closed string
	// claims says that the app gets the headers X-Token-...; headers are those of its own.
	claims  bool
	headers []header
	// programs says that programs sign in with keys or passwords.
	programs bool
	// routed says that methods and paths are looked at.
	routed bool
}

// header is a header with a claim.
type header struct {
	from        draft.Origin
	name, claim string
}

// policy reads a policy.
func (r *reader) policy(n *node) *policy {
	where := strings.Join(n.words, " ")
	n.Key = where
	p := &policy{from: n.Origin, name: n.words[2]}
	for _, one := range n.inner {
		line := strings.Join(one.words, " ")
		switch {
		case one.name() == "import" && !one.block:
			p.closed = closedByImport
		case one.name() == "acl":
			r.acl(where, p, one)
		case one.name() == "allow" || one.name() == "deny":
			r.short(p, one)
		case one.name() == "bypass":
			r.bypass(p, one)
		case strings.HasPrefix(line, "set auth url "):
			p.authURL = one.arg(2)
			r.note(where, one, inPolicy)
		case line == "validate path acl":
			p.routed = true
			p.closed = closedComment
			r.plan.Note(draft.Missing, one.at("path acl"), "paths in a token have no equivalent: sites of this policy are closed. `policy <name> <matcher>` says who may see a path")
		case line == "inject headers with claims":
			p.claims = true
		case one.name() == "inject":
			r.inject(p, one)
		case strings.HasPrefix(line, "with api key auth") || strings.HasPrefix(line, "with basic auth"):
			p.programs = true
			r.note(where, one, inPolicy)
		default:
			r.note(where, one, inPolicy)
			if _, _, known := inPolicy.of(one); !known {
				p.closed = closedComment
			}
		}
	}
	return p
}

// bypass reads requests that need no sign-in.
func (r *reader) bypass(p *policy, n *node) {
	o := n.at("uri")
	if len(n.words) != 4 || n.words[1] != "uri" || !strategies[n.words[2]] {
		r.plan.Note(draft.Unknown, o, "does not say which requests: they need a sign-in")
		return
	}
	c, ok := pattern(o, expression(n.words[2], n.words[3]))
	if !ok {
		r.plan.Note(draft.Missing, o, "the path cannot stand in a Caddyfile, or is no regular expression: what it left open needs a sign-in")
		return
	}
	p.open = append(p.open, c)
}

// claims are the fields of a token that are claims of the provider.
var claims = map[string]string{"email": "email", "mail": "email", "name": "name", "sub": "sub", "subject": "sub", "roles": "groups", "role": "groups", "groups": "groups", "group": "groups", "picture": "picture"}

// inject reads a header with a field of the token.
func (r *reader) inject(p *policy, n *node) {
	o := n.at("header")
	if len(n.words) != 5 || n.words[1] != "header" || n.words[3] != "from" {
		r.plan.Note(draft.Unknown, o, "does not say which header: it is not sent")
		return
	}
	name, field := n.words[2], n.words[4]
	claim, ok := claims[field]
	if rest, found := strings.CutPrefix(field, "userinfo|"); found && rest != "" && !strings.Contains(rest, "|") {
		claim, ok = rest, true
	} else if strings.Contains(field, "|") {
		claim, ok = strings.ReplaceAll(field, "|", "."), true
	}
	switch {
	case !draft.IsHeaderName(name):
		r.plan.Note(draft.Missing, o, "this is no name of a header, or it has a placeholder: it is not sent")
	case !ok || claim == "":
		r.plan.Note(draft.Missing, o, "this field of the token is no claim of the provider: the header is not sent")
	case !slices.ContainsFunc(p.headers, func(h header) bool { return strings.EqualFold(h.name, name) }):
		p.headers = append(p.headers, header{o, name, claim})
	}
}

// hostOf returns the host of an address, with its port if it is not the usual one, or an empty text.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if name, port, err := net.SplitHostPort(host); err == nil && (port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http") {
		return name
	}
	return host
}
