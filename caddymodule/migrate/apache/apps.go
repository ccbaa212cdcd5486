package apache

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// app is what answers for a path.
type app struct {
	path   string
	from   *directive
	answer []draft.Line
}

// apps reads what is behind the site.
func (r *reader) apps(s *server) {
	var apps []app
	preserve := false
	if d := s.last("proxypreservehost"); d != nil {
		preserve = strings.EqualFold(d.arg(0), "on")
	}
	for _, d := range s.all {
		switch {
		case d.name == "proxypass":
			apps = r.proxied(apps, d, d.arg(0), d.arg(1), preserve)
		case d.name == "alias":
			d.read = true
			answer := []draft.Line{d.Words("root", "*", d.arg(1)), draft.Words("file_server")}
			if strings.HasPrefix(d.arg(0), "/") && plainPath.MatchString(d.arg(0)) {
				apps = append(apps, app{d.arg(0), d, append([]draft.Line{d.Words("uri strip_prefix", strings.TrimSuffix(d.arg(0), "/"))}, answer...)})
			}
		case slices.Contains(sections, d.name):
			for _, inner := range d.inner {
				if inner.name == "proxypass" && d.name == "location" {
					apps = r.proxied(apps, inner, d.arg(0), inner.arg(0), preserve)
				}
			}
		}
	}
	var root []draft.Line
	if d := s.last("documentroot"); d != nil {
		root = []draft.Line{d.Words("root", "*", d.arg(0)), draft.Words("file_server")}
	}
	i := slices.IndexFunc(apps, func(a app) bool { return a.path == "/" })
	if i >= 0 { // what stands behind it is never reached
		root, apps = apps[i].answer, apps[:i]
	}
	if len(root) == 0 && len(apps) == 0 {
		s.site.App = []draft.Line{r.plan.NoApp()}
		return
	}
	if len(apps) == 0 {
		s.site.App = root
		return
	}
	var handlers []draft.Line
	for i, a := range apps {
		name := "@app-" + strconv.Itoa(i+1)
		matcher := a.from.Words(name+" path", a.path, strings.TrimSuffix(a.path, "/")+"/*")
		if strings.HasSuffix(a.path, "/") {
			matcher.Given = matcher.Given[1:]
		}
		s.site.TLS = append(s.site.TLS, matcher)
		handlers = append(handlers, draft.Words("handle "+name, a.answer...))
	}
	if len(root) == 0 {
		root = []draft.Line{draft.Words("respond 404")}
	}
	s.site.App = []draft.Line{draft.Words("route", append(handlers, draft.Words("handle", root...))...)}
}

// proxied reads a line ProxyPass. The first path that matches decides, as in Apache.
func (r *reader) proxied(apps []app, d *directive, path, target string, preserve bool) []app {
	d.read = true
	if len(apps) > draft.MaxList {
		return apps
	}
	if !strings.HasPrefix(path, "/") || !plainPath.MatchString(path) {
		r.plan.Note(draft.Missing, d.Origin, "the path has a character that means something else in a Caddyfile: write `handle` and reverse_proxy for it")
		return apps
	}
	if target == "!" {
		answer := draft.Words("respond 404")
		answer.Comment = "Apache served this path itself: root and file_server, or another directive."
		r.plan.Note(draft.Todo, d.Origin, "this path is not passed on: write what answers in place of `respond 404`")
		return append(apps, app{path, d, []draft.Line{answer}})
	}
	if socket, rest, ok := strings.Cut(target, "|"); ok && strings.HasPrefix(socket, "unix:") {
		if u, err := url.Parse(rest); err == nil && u.Scheme == "http" {
			return append(apps, app{path, d, []draft.Line{d.Words("reverse_proxy", "unix/"+strings.TrimPrefix(socket, "unix:"))}})
		}
		target = socket
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil {
		r.faults = append(r.faults, d.Errorf("the app is no address, or has a password in it"))
		return apps
	}
	scheme := map[string]string{"http": "http", "https": "https", "ws": "http", "wss": "https"}[u.Scheme]
	address := scheme + "://" + u.Host
	if scheme == "" || firstfile.CheckUpstream(address) != nil {
		answer := draft.Words("respond 503")
		answer.Comment = "Here stands the app: reverse_proxy <host>:<port>, or php_fastcgi for FastCGI"
		r.plan.Note(draft.Todo, d.Origin, "the app is not reached over HTTP, or is a balancer: write `reverse_proxy <host>:<port>...` (several are a balancer) or `php_fastcgi <host>:<port>` in place of `respond 503`")
		return append(apps, app{path, d, []draft.Line{answer}})
	}
	l := d.Words("reverse_proxy", strings.TrimPrefix(address, "http://"))
	if u.Port() == "" {
		l.Given[0] = address
	}
	if !preserve {
		l.Block = append(l.Block, draft.Words("header_up Host {upstream_hostport}"))
	} else if scheme == "https" {
		l.Block = append(l.Block, draft.Words("header_up Host {hostport}"))
	}
	if len(d.args) > 2 || d.arg(0) == target && len(d.args) > 1 {
		r.plan.Note(draft.Differs, d.Origin, "options behind the address (timeout, retry, keepalive and such) are not taken over: reverse_proxy has its own")
	}
	answer := []draft.Line{l}
	from, to := strings.TrimSuffix(path, "/"), strings.TrimSuffix(u.Path, "/")
	if from != to {
		var before []draft.Line
		if from != "" {
			before = append(before, d.Words("uri strip_prefix", from))
		}
		if to != "" {
			prefix := draft.Line{Words: "rewrite *", Given: []string{to}, From: d.Origin, Joined: "{uri}"}
			before = append(before, prefix)
		}
		if !plainPath.MatchString("/" + to) {
			r.faults = append(r.faults, d.Errorf("the path of the app has a character that means something else in a Caddyfile"))
		}
		answer = append(before, answer...)
	}
	return append(apps, app{path, d, answer})
}

var (
	environment = regexp.MustCompile(`^%\{(?:OIDC_CLAIM_)([A-Za-z0-9_.-]+)\}e$|^expr=%\{(?:reqenv|env):OIDC_CLAIM_([A-Za-z0-9_.-]+)\}$`)
	remoteUser  = regexp.MustCompile(`^%\{REMOTE_USER\}[es]$|^expr=%\{REMOTE_USER\}$`)
)

// headers reads what the app is told.
func (r *reader) headers(s *server) {
	set := map[string]bool{}
	var lines []draft.Line
	if d, ok := s.entries.All["oidcauthnheader"]; ok {
		name := s.entries.Text("oidcauthnheader")
		if !draft.IsHeaderName(name) {
			s.entries.Fault("oidcauthnheader", "is no name of a header")
			return
		}
		lines, set[strings.ToLower(name)] = append(lines, d.Words("header", name, s.user)), true
	}
	list := slices.Clone(s.all)
	for _, d := range s.all {
		if slices.Contains(sections, d.name) {
			list = append(list, d.inner...)
		}
	}
	for _, d := range list {
		if d.name != "requestheader" {
			continue
		}
		d.read = true
		name, value := strings.TrimSuffix(d.arg(1), ":"), d.arg(2)
		claim := ""
		if m := environment.FindStringSubmatch(value); m != nil {
			claim = m[1] + m[2]
		} else if remoteUser.MatchString(value) {
			claim = s.user
		}
		switch action := strings.ToLower(d.arg(0)); {
		case action == "unset":
			r.plan.Note(draft.Differs, d.Origin, "what clients send in the header of an identity never reaches the app; `request_header -<Name>` of Caddy takes another header out")
		case value == "%{OIDC_access_token}e" && draft.IsHeaderName(name) && !set["token"]:
			set["token"] = true
			if strings.EqualFold(name, "Authorization") {
				lines = append(lines, draft.Words("forward_access_token"))
			} else {
				lines = append(lines, d.Words("forward_access_token as", name))
			}
		case claim != "" && (action == "set" || action == "setifempty") && draft.IsHeaderName(name) && !set[strings.ToLower(name)]:
			set[strings.ToLower(name)] = true
			if !presets[strings.ToLower(name)] {
				lines = append(lines, d.Words("header", name, claim))
			}
		default:
			r.plan.Note(draft.Todo, d.Origin, "this header is not taken over: `header <Name> <claim>` in latchkey has a claim, `request_header <Name> <value>` of Caddy a fixed value")
		}
	}
	s.site.Rules = append(append(s.site.Rules, draft.Words("headers remote")), lines...)
	how := s.entries.List("oidcpassclaimsas")
	if len(how) == 0 || how[0] != "none" {
		r.plan.Note(draft.Differs, at(s.entries, "OIDCPassClaimsAs"), "the app gets Remote-User, Remote-Email and Remote-Name in place of OIDC_CLAIM_<name>; `header <Name> <claim>` sends a claim under a name of your own")
	}
}

// presets are the headers of `headers remote`.
var presets = map[string]bool{"remote-user": true, "remote-email": true, "remote-name": true}
