package oauth2proxy

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

func (c *oauth2Proxy) alphaUpstreamConfig(o draft.Origin, n *yaml.Node) error {
	keys, err := alphaKeys(o.Key+".", n)
	if err != nil {
		return err
	}
	if one, ok := keys["upstreams"]; ok {
		delete(keys, "upstreams")
		switch v := one.Value.(type) {
		case *yaml.Node:
			if c.alpha.upstreams, err = elements(one.Origin, v); err != nil {
				return err
			}
		case nil:
		case []any:
			if len(v) > 0 {
				return one.Errorf("want a list of mappings")
			}
		default:
			return one.Errorf("want a list of mappings")
		}
	}
	rename(c.All, keys, map[string]string{"proxyrawpath": "proxy raw path"})
	return nil
}

// alphaApp is an app of the structured configuration.
type alphaApp struct {
	path    string
	rewrite bool
	matcher draft.Line
	answer  []draft.Line
}

// alphaApps makes a site of the apps. The order is oauth2-proxy's: those whose path is rewritten first, then the longest path.
func (c *oauth2Proxy) alphaApps() {
	var apps []alphaApp
	for i, n := range c.alpha.upstreams {
		app, ok := c.alphaApp(i, n)
		if !ok {
			return
		}
		apps = append(apps, app)
	}
	if len(apps) == 0 {
		c.site.App = []draft.Line{c.Plan.NoApp()}
		return
	}
	if len(apps) == 1 && apps[0].path == "/" && !apps[0].rewrite {
		c.site.App = apps[0].answer
		return
	}
	slices.SortStableFunc(apps, func(a, b alphaApp) int {
		if a.rewrite != b.rewrite {
			return map[bool]int{true: -1, false: 1}[a.rewrite]
		}
		return cmp.Compare(len(b.path), len(a.path))
	})
	var handlers []draft.Line
	rooted, rewritten := false, false
	for i, app := range apps {
		if i > 0 && app.path == apps[i-1].path && app.rewrite == apps[i-1].rewrite {
			c.Faults = append(c.Faults, app.matcher.From.Errorf("two of them are for the same path"))
			return
		}
		rooted, rewritten = rooted || app.path == "/" && !app.rewrite, rewritten || app.rewrite
		app.matcher.Block = app.answer
		handlers = append(handlers, app.matcher)
	}
	if !rooted {
		handlers = append(handlers, draft.Words("handle", draft.Words("respond 404")))
	}
	if rewritten {
		handlers = []draft.Line{draft.Words("route", handlers...)}
	}
	c.site.App = handlers
}

func (c *oauth2Proxy) alphaApp(i int, n *yaml.Node) (app alphaApp, ok bool) {
	keys, err := alphaKeys("upstreamConfig.upstreams.", n)
	if err != nil {
		c.Faults = append(c.Faults, err)
		return app, false
	}
	inner := &oauth2Proxy{Entries: &draft.Entries{Plan: c.Plan, All: map[string]*draft.Entry{}}, site: c.site}
	rename(inner.All, keys, upstreamKeys)
	const own = "structured "
	o := draft.At("upstreamConfig.upstreams", n.Line)
	inner.Text(own + "id")
	app.path = inner.Text(own + "path")
	if inner.Has(own + "path") {
		o = inner.Origin(own + "path")
	}
	target, uri, static, code := inner.Text(own+"rewritetarget"), inner.Text("upstreams"), inner.Flag(own+"static", false), inner.Text(own+"staticcode")
	app.rewrite = target != ""
	app.answer, ok = inner.alphaAnswer(uri, static, code)
	if ok {
		app.matcher, app.answer, ok = inner.alphaMatcher(o, i, app, target)
	}
	if inner.Flag("ssl_upstream_insecure_skip_verify", false) {
		c.Plan.Note(draft.Missing, inner.Origin("ssl_upstream_insecure_skip_verify"), "%s", oauth2ProxyRefused["ssl_upstream_insecure_skip_verify"])
	}
	if err := inner.Rest(oauth2ProxyKeys); err != nil {
		c.Faults = append(c.Faults, err)
		return app, false
	}
	return app, ok
}

// alphaAnswer returns what answers for an app.
func (c *oauth2Proxy) alphaAnswer(uri string, static bool, code string) ([]draft.Line, bool) {
	const own = "structured "
	if static {
		n, err := strconv.Atoi(code)
		if code != "" && (err != nil || n < 200 || n > 599) {
			c.Fault(own+"staticcode", "want a status from 200 to 599")
		}
		c.Plan.Note(draft.Todo, c.Origin(own+"static"), "a fixed answer stands where apps are behind nginx (auth_request) or Traefik (forwardAuth): put `reverse_proxy <host>:<port>` in its place, and a site for each app")
		return []draft.Line{draft.Words("respond " + strconv.Itoa(max(200, n)))}, true
	}
	u, err := url.Parse(uri)
	if err != nil || u.User != nil || u.Scheme == "static" {
		c.Fault("upstreams", "is no address of http, https, unix or file, or has a password in it")
		return nil, false
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		u.Path = "" // as oauth2-proxy does
	}
	u.Fragment = ""
	_, answer, ok := c.upstream(c.Origin("upstreams"), u)
	return answer, ok
}

// alphaMatcher returns the directive that selects the paths of an app, and what stands in it.
func (c *oauth2Proxy) alphaMatcher(o draft.Origin, i int, app alphaApp, target string) (draft.Line, []draft.Line, bool) {
	if app.rewrite {
		name := "@app-" + strconv.Itoa(i+1)
		if !draft.IsPattern(app.path) {
			c.Faults = append(c.Faults, o.Errorf("a regular expression is wrong, or cannot stand in a Caddyfile"))
			return draft.Line{}, nil, false
		}
		c.site.TLS = append(c.site.TLS, draft.Line{Words: name + " path_regexp", Given: []string{app.path}, Pattern: true, From: o})
		answer := app.answer
		if strings.ContainsAny(target, "?\"`{}\\#") {
			closed := draft.Words("respond 503")
			closed.Comment = "The rewritten address has a query or a character that cannot stand here: write `rewrite` and reverse_proxy."
			answer = []draft.Line{closed}
			c.Plan.Note(draft.Todo, o, "the rewriteTarget of this path is not taken over: `rewrite` of Caddy takes a path and a query with placeholders")
		} else {
			answer = append([]draft.Line{{Words: "uri path_regexp", Given: []string{app.path, target}, Pattern: true, From: o}}, answer...)
		}
		return draft.Words("handle " + name), answer, true
	}
	switch {
	case app.path == "/":
		return draft.Words("handle"), app.answer, true
	case !strings.HasPrefix(app.path, "/") || strings.ContainsAny(app.path, "*?"):
		c.Faults = append(c.Faults, o.Errorf("want a path with a slash at its beginning, without * and ?"))
		return draft.Line{}, nil, false
	}
	path := app.path
	directive := "handle"
	if strings.HasSuffix(path, "/") {
		path += "*"
		if app.answer[0].Words == "root" {
			directive = "handle_path"
		}
	}
	return o.Words(directive, path), app.answer, true
}
