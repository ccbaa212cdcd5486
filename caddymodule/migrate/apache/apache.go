package apache

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// reader reads a configuration of Apache.
type reader struct {
	plan    *draft.Plan
	options draft.Options
	// entries are all keys of mod_auth_openidc that were read, with the faults found in them.
	faults []error
	// providers are the lines of each provider, as a text, and its name.
	providers map[string]string
	stored    bool
}

// server is a virtual host, or the server itself if there is none.
type server struct {
	from *directive
	// all are its directives and those that count for each server.
	all []*directive
	// entries are its keys of mod_auth_openidc.
	entries *draft.Entries
	site    *draft.Site
	// user is the claim that names users, groups the claim that has their groups.
	user, groups string
	parts        []part
}

// Read reads a configuration of Apache with mod_auth_openidc.
func Read(source []byte, o draft.Options) (*draft.Plan, error) {
	root, err := parse(string(source))
	if err != nil {
		return nil, err
	}
	if err := expand(root); err != nil {
		return nil, err
	}
	r := &reader{plan: new(draft.Plan), options: o, providers: map[string]string{}}
	r.flatten(root)
	for _, s := range r.servers(root) {
		r.convert(s)
	}
	if len(r.plan.Sites) == 0 {
		return nil, draft.Origin{}.Errorf("no part of the configuration says AuthType openid-connect, so there is nothing to migrate")
	}
	if err := joined(r.faults); err != nil {
		return nil, err
	}
	r.plan.Note(draft.Differs, draft.Origin{}, "sessions are not taken over: users sign in once more, which most providers do without a question")
	r.plan.Note(draft.Todo, draft.Origin{}, "conditions that Apache decides on at its start (-D, modules, the environment) and .htaccess files are not known here")
	r.rest(root)
	return r.plan, nil
}

// flatten takes the directives out of sections whose condition is decided at the start, as if it were true.
func (r *reader) flatten(d *directive) {
	var flat []*directive
	for _, one := range d.inner {
		r.flatten(one)
		switch one.name {
		case "ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection":
			if !strings.HasPrefix(one.arg(0), "!") {
				one.read = true
				if one.name != "ifmodule" {
					r.plan.Note(draft.Differs, one.Origin, "what stands in it is read as if the condition were true")
				}
				flat = append(flat, one.inner...)
				continue
			}
			r.note(one, draft.Missing, "what stands in it is not read, because the condition has a ! in front")
		}
		flat = append(flat, one)
	}
	d.inner = flat
}

// note makes a note about a directive and all in it.
func (r *reader) note(d *directive, level draft.Level, format string, args ...any) {
	r.plan.Note(level, d.Origin, format, args...)
	mark(d)
}

func mark(d *directive) {
	d.read = true
	for _, one := range d.inner {
		mark(one)
	}
}

// servers returns the virtual hosts of which a part needs a sign-in.
func (r *reader) servers(root *directive) (all []*server) {
	var hosts, common []*directive
	for _, d := range root.inner {
		if d.name == "virtualhost" {
			hosts = append(hosts, d)
		} else {
			common = append(common, d)
		}
	}
	if len(hosts) == 0 {
		hosts = []*directive{{section: true, read: true}}
	}
	for _, host := range hosts {
		s := &server{from: host, all: slices.Concat(common, host.inner), site: new(draft.Site)}
		if !slices.ContainsFunc(s.all, signsIn) {
			r.note(host, draft.Differs, "no part of this virtual host needs a sign-in: it is not taken over. Caddy redirects http to https itself")
			continue
		}
		host.read = true
		all = append(all, s)
	}
	return all
}

// signsIn reports whether a directive, or one in it, demands a sign-in.
func signsIn(d *directive) bool {
	return d.name == "authtype" && isOpenID(d.arg(0)) || slices.ContainsFunc(d.inner, signsIn)
}

func isOpenID(kind string) bool {
	return slices.Contains([]string{"openid-connect", "oauth20", "auth-openidc"}, strings.ToLower(kind))
}

func (r *reader) convert(s *server) {
	s.entries = &draft.Entries{Plan: r.plan, All: map[string]*draft.Entry{}}
	for _, d := range s.all {
		if strings.HasPrefix(d.name, "oidc") {
			d.read = true
			s.entries.All[d.name] = &draft.Entry{Origin: d.Origin, Value: d.value()}
		}
	}
	r.addresses(s)
	r.provider(s)
	r.sessions(s)
	r.redis(s)
	r.access(s)
	r.headers(s)
	r.apps(s)
	for name, one := range s.entries.All {
		if strings.HasPrefix(name, bearerPrefix) {
			one.Read = true
			r.plan.Note(draft.Todo, one.Origin, noBearer)
		}
	}
	if err := s.entries.Rest(keys); err != nil {
		r.faults = append(r.faults, err)
	}
	r.plan.Sites = append(r.plan.Sites, s.site)
}

// last returns the last directive of a server with a name.
func (s *server) last(name string) (found *directive) {
	for _, d := range s.all {
		if d.name == name {
			d.read = true
			found = d
		}
	}
	return found
}

// addresses finds the addresses of the site, and says what is to be registered.
func (r *reader) addresses(s *server) {
	var found []string
	add := func(d *directive, name string) {
		name = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(name), "https://"), "http://")
		if host, port, err := net.SplitHostPort(name); err == nil && (port == "443" || port == "80") {
			name = host
		}
		if strings.ContainsAny(name, "*?") || firstfile.CheckAddress(name) != nil {
			r.plan.Note(draft.Missing, d.Origin, "a name is no host name, or has a wildcard: each host needs a site, because its redirect URI is registered")
			return
		}
		found = append(found, name)
	}
	if d := s.last("servername"); d != nil {
		add(d, d.arg(0))
	}
	for _, d := range s.all {
		if d.name == "serveralias" {
			d.read = true
			for _, name := range d.args {
				add(d, name)
			}
		}
	}
	redirect := s.entries.Text("oidcredirecturi")
	if u, err := url.Parse(redirect); err == nil && u.Host != "" && len(found) == 0 {
		found = append(found, draft.SiteAddress(u))
	}
	s.site.Addresses = r.plan.Addresses(r.options, found...)
	host := s.site.Addresses[0]
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	r.plan.Note(draft.Todo, at(s.entries, "OIDCRedirectURI"), "register %s/.latchkey/callback as a redirect URI and %s/.latchkey/signed-out as a post-logout redirect URI at the provider, beside those of mod_auth_openidc", host, host)
	cert, key := s.last("sslcertificatefile"), s.last("sslcertificatekeyfile")
	if chain := s.last("sslcertificatechainfile"); chain != nil {
		r.plan.Note(draft.Todo, chain.Origin, "the first file of `tls` has the whole chain: put the chain behind the certificate in it")
	}
	if cert != nil {
		if key == nil {
			key = cert
		}
		s.site.TLS = append(s.site.TLS, cert.Words("tls", cert.arg(0), key.arg(0)))
	}
	if proxied := s.entries.List("oidcxforwardedheaders"); len(proxied) > 0 && !slices.Contains(proxied, "none") {
		r.plan.Note(draft.Todo, s.entries.Origin("oidcxforwardedheaders"), "no proxy is trusted yet. Name the proxies in front: servers { trusted_proxies static <range>... } and trusted_proxies_strict. If Latchkey takes their place, nothing is needed")
	}
}
