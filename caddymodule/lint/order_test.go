package lint

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// guard stands for the directive: a handler that this package knows by its name alone.
const guard = "vars guard yes"

// found is what Follow says about a site, by the first words of it.
func found(t *testing.T, site string) (all []string) {
	t.Helper()
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	config, _, err := adapter.Adapt([]byte(site), nil)
	if err != nil {
		t.Fatal(err)
	}
	config = []byte(strings.ReplaceAll(string(config), `{"guard":"yes","handler":"vars"}`, `{"app":"wiki","handler":"latchkey","position":"Caddyfile:7"}`))
	var parts struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct{ Routes caddyhttp.RouteList }
			}
		}
	}
	if err := json.Unmarshal(config, &parts); err != nil {
		t.Fatal(err)
	}
	for _, server := range parts.Apps.HTTP.Servers {
		order, _ := NewRoutes().Follow(server.Routes, nil)
		for _, f := range order {
			if f.App != "wiki" || f.Position != "Caddyfile:7" {
				t.Errorf("it is about %+v", f)
			}
			all = append(all, f.Problem)
		}
	}
	return all
}

// Field trial 1.9 and 5.8: what keeps the endpoints of sign-in from the directive, and what comes before it.
func TestOrder(t *testing.T) {
	const (
		outside = "nothing answers /.latchkey/ there"
		before  = "before it in this site: "
	)
	for name, row := range map[string]struct {
		site string
		want []string
	}{
		"alone":                 {guard + "\nreverse_proxy a:80", nil},
		"handle with a path":    {"handle /app/* {\n" + guard + "\n}", []string{outside}},
		"handle_path":           {"handle_path /app/* {\n" + guard + "\n}", []string{outside}},
		"route with a path":     {"route /app {\n" + guard + "\n}", []string{outside}},
		"a named matcher":       {"@a path_regexp ^/app\nhandle @a {\n" + guard + "\n}", []string{outside}},
		"nested":                {"handle {\nroute {\nhandle /app/* {\n" + guard + "\n}\n}\n}", []string{outside}},
		"not ours":              {"@a not path /.latchkey/*\nhandle @a {\n" + guard + "\n}", []string{outside}},
		"handle without a path": {"handle /open/* {\nrespond ok\n}\nhandle {\n" + guard + "\n}", nil},
		"all but a path":        {"@a not path /open/*\nhandle @a {\n" + guard + "\n}", nil},
		"a path that is ours":   {"@a path /app/* /.latchkey/*\nhandle @a {\n" + guard + "\n}", nil},
		"a host":                {"@a host a.com\nhandle @a {\n" + guard + "\n}", nil},
		"a placeholder":         {"@a path {vars.x}/*\nhandle @a {\n" + guard + "\n}", nil},
		"redir":                 {"route {\nredir /old /new\n" + guard + "\n}", []string{before + "redir;"}},
		"redir of /":            {"route {\nredir / /ui\n" + guard + "\n}", nil},
		"respond on /":          {"route {\nrespond / ok\n" + guard + "\n}", []string{before + "respond;"}},
		"respond":               {"route {\nrespond /health ok\n" + guard + "\n}", []string{before + "respond;"}},
		"two":                   {"route {\nerror /x 404\nfile_server /static/*\n" + guard + "\n}", []string{before + "error, file_server;"}},
		"abort":                 {"route {\nabort /x\n" + guard + "\n}", []string{before + "abort;"}},
		"after it":              {"route {\n" + guard + "\nredir /old /new\nheader X-App 1\n}", nil},
		"header":                {"route {\nheader X-App 1\n" + guard + "\n}", []string{before + "header;"}},
		"header, deleted":       {"route {\nheader -Content-Security-Policy\n" + guard + "\n}", []string{before + "header;"}},
		"header for everybody":  {"route {\nheader Strict-Transport-Security max-age=1\nheader -Server\n" + guard + "\n}", nil},
		"in another handle":     {"handle /x {\nredir * /y\n}\nhandle {\n" + guard + "\n}", nil},
		"in a block before":     {"route /x {\nredir * /y\n}\nroute {\n" + guard + "\n}", []string{before + "redir;"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := found(t, "b.com {\nredir /x /y\n}\na.com {\n"+row.site+"\n}\n")
			if len(got) != len(row.want) || !slices.EqualFunc(got, row.want, strings.Contains) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
	if got := found(t, "a.com/app/* {\n"+guard+"\n}"); len(got) != 1 || !strings.Contains(got[0], "as in: latchkey /app/*") {
		t.Errorf("a path in the address: %q", got)
	}
}
