package differential

import (
	"fmt"
	"slices"
	"strings"
)

// rule is a site whose app is closed in one part, by one kind of matcher.
type rule struct {
	name string
	// matcher are the lines of a named matcher.
	matcher string
	// before are lines of the site that come to act before the directive.
	before string
	// close and open make a plain request one for the closed part and one for the open part.
	close, open func(*request)
	// closed says whether a server read a request as one for the closed part.
	closed func(*reading) bool

	// inPolicy has the matcher stand in a policy that blocks, for somebody signed in, and not in the directive.
	inPolicy bool
	// cgi has Caddy talk FastCGI to the app itself.
	cgi bool
	// anyHost has the site answer for each host, on an address of its own.
	anyHost bool
	// rewrites says that the app gets another target than the client sent.
	rewrites bool
}

func (r *rule) label() string {
	label := r.name
	if r.inPolicy {
		label += "-policy"
	}
	if r.cgi {
		label += "-cgi"
	}
	return label
}

func (r *rule) host() string { return r.label() + ".lk.localhost" }

// lines are those of the site, without its address. app is what it is called.
func (r *rule) lines(app, tee, cgi string) string {
	directive := "@rule {\n" + r.matcher + "\n}\nlatchkey @rule {\napp " + app + "\nheaders remote groups\n}"
	if r.inPolicy {
		directive = "latchkey {\napp " + app + "\nheaders remote groups\npolicy closed {\nmatch {\n" + r.matcher + "\n}\nblock\n}\n}"
	}
	proxy := "reverse_proxy " + tee
	if r.cgi {
		proxy = "reverse_proxy " + cgi + " {\ntransport fastcgi {\nroot /srv\n}\n}"
	}
	return r.before + "\n" + directive + "\n" + proxy
}

func inClosed(p string) bool { return p == "/closed" || strings.HasPrefix(p, "/closed/") }

func closedPath(r *reading) bool {
	return slices.Contains(r.Routes, "closed") ||
		slices.ContainsFunc(r.paths(), func(p string) bool { return strings.HasPrefix(p, "/closed") })
}

func closedMethod(r *reading) bool {
	return slices.ContainsFunc(r.methods(), func(m string) bool { return m == "DELETE" || m == "POST" })
}

func closedQuery(r *reading) bool { return r.hasQuery("admin", "1") }

func closedHeader(r *reading) bool { return slices.Contains(r.values("x-tenant"), "internal") }

func pathIs(p string) func(*request) { return func(r *request) { r.target = p } }

func methodIs(m string) func(*request) { return func(r *request) { r.method = m } }

func both(fs ...func(*request)) func(*request) {
	return func(r *request) {
		for _, f := range fs {
			f(r)
		}
	}
}

// kinds are the rules as an administrator would write them, once each.
func kinds() []*rule {
	tenant := func(value string) func(*request) { return func(r *request) { r.add("X-Tenant", value) } }
	return []*rule{
		{name: "path", matcher: "path /closed*", close: pathIs("/closed/list"), open: pathIs("/open/list"), closed: closedPath},
		{
			name: "not-path", matcher: "not path /open/*", close: pathIs("/closed/list"), open: pathIs("/open/list?a=b"),
			closed: func(r *reading) bool {
				return slices.ContainsFunc(r.paths(), func(p string) bool { return !strings.HasPrefix(mergeSlashes(p), "/open/") })
			},
		},
		{
			name: "regexp", matcher: "path_regexp ^(?i)/+closed(/|$)", close: pathIs("/closed/list"), open: pathIs("/open/list"),
			closed: func(r *reading) bool {
				return slices.Contains(r.Routes, "closed") || slices.ContainsFunc(r.paths(), inClosed)
			},
		},
		{name: "method", matcher: "method POST DELETE", close: methodIs("DELETE"), open: methodIs("GET"), closed: closedMethod},
		{
			name: "not-method", matcher: "not method GET HEAD OPTIONS", close: methodIs("PROPPATCH"), open: methodIs("GET"),
			closed: func(r *reading) bool {
				return slices.ContainsFunc(r.methods(), func(m string) bool { return m != "GET" && m != "HEAD" && m != "OPTIONS" })
			},
		},
		{name: "query", matcher: "query admin=1", close: pathIs("/list?x=2&admin=1"), open: pathIs("/list?x=2"), closed: closedQuery},
		{
			name:    "expression",
			matcher: "expression `path('/closed*') || method('DELETE', 'POST') || query({'admin': '1'}) || header({'X-Tenant': 'internal'})`",
			close:   both(pathIs("/closed/list?admin=1"), methodIs("DELETE")), open: pathIs("/open/list?x=2"),
			closed: func(r *reading) bool { return closedPath(r) || closedMethod(r) || closedQuery(r) || closedHeader(r) },
		},
		{
			name:    "placeholder",
			matcher: "expression `{http.request.method} == 'DELETE' || {http.request.uri.path}.startsWith('/closed')`",
			close:   both(pathIs("/closed/list"), methodIs("DELETE")), open: pathIs("/open/list"),
			closed: func(r *reading) bool {
				return slices.Contains(r.methods(), "DELETE") || slices.Contains(r.Routes, "closed") ||
					slices.ContainsFunc(r.Paths, func(p string) bool { return strings.HasPrefix(p, "/closed") })
			},
		},
		{name: "header", matcher: "header X-Tenant internal", close: tenant("internal"), open: tenant("guest"), closed: closedHeader},
		{
			name: "stripped", before: "uri strip_prefix /app", matcher: "path /closed*", close: pathIs("/app/closed/list"),
			open: pathIs("/app/open/list"), closed: closedPath, rewrites: true,
		},
		{
			name: "scheme", matcher: "protocol https", close: func(r *request) { r.proto = http2 }, open: func(r *request) { r.proto = http11 },
			closed: func(r *reading) bool { return slices.Contains(r.values("x-forwarded-proto"), "https") },
		},
	}
}

// rules are all sites: each kind in the directive and in a policy, before an HTTP app and before one that Caddy tells by
// FastCGI.
func rules() (out []*rule) {
	for _, k := range kinds() {
		for i := range 4 {
			r := *k
			r.inPolicy, r.cgi = i&1 != 0, i&2 != 0
			out = append(out, &r)
		}
	}
	return append(out, &rule{
		name: "host", matcher: "host admin.lk.localhost", anyHost: true,
		close:  func(r *request) { r.host = "admin.lk.localhost" },
		open:   func(r *request) { r.host = "other.lk.localhost" },
		closed: func(r *reading) bool { return slices.Contains(r.hosts(), "admin.lk.localhost") },
	})
}

// address is where a site listens.
func (r *rule) addresses(plain, tls, everyHost string) []string {
	if r.anyHost {
		return []string{"http://:" + everyHost}
	}
	return []string{fmt.Sprintf("http://%s:%s", r.host(), plain), fmt.Sprintf("https://%s:%s", r.host(), tls)}
}
