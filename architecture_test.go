package latchkey_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey-gateway/latchkey"

const (
	goRedis = "github.com/redis/go-redis"
	goOIDC  = "github.com/coreos/go-oidc"
	oauth2  = "golang.org/x/oauth2"
	goJose  = "github.com/go-jose/go-jose"
	zap     = "go.uber.org/zap"
	bbolt   = "go.etcd.io/bbolt"
	idna    = "golang.org/x/net/idna"    // internationalised domain names as text: no I/O
	bart    = "github.com/gaissmai/bart" // a prefix trie: pure data structure, no I/O
)

// edge says what one of our packages may reach. The longest path that matches a package counts, so a package added
// below `session` is held to the rule of `session` until it gets one of its own.
type edge struct {
	// path is a package of ours, relative to the module, with everything below it.
	path string
	// ours lists packages of ours, relative to the module, that it may import, with everything below each; a
	// leading "=" means that package alone.
	ours []string
	// others lists import paths outside the standard library, with everything below each, that it may import.
	others []string
	// never lists packages of the standard library that it must not import itself.
	never []string
	// nowhere lists packages that it must not reach over however many steps.
	nowhere []string
	// free packages import from outside whatever they need.
	free bool
}

// ioPackages is what code that only decides has no business with.
var ioPackages = []string{"os", "os/exec", "os/signal", "net", "net/http", "syscall", "log", "log/slog", "database/sql", "io/ioutil", "embed"}

// edges is section 3 of the design.
var edges = []edge{
	{path: "policy", others: []string{bart, idna}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session", ours: []string{"=session/keyring", "=session/retry", "session/internal"}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/keyring", ours: []string{"=session/internal/lengthprefix"}, others: []string{goJose}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/keyring/keyringtest", ours: []string{"=session/keyring"}},
	{path: "session/internal", ours: []string{"session/internal"}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/pending", ours: []string{"=session", "=session/keyring", "=session/internal/pack"}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/apitoken", ours: []string{"=session", "=session/internal/pack"}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/lease", ours: []string{"=session"}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/refresh", ours: []string{"=session", "=session/lease"}, never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/agentname", never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/jwks", ours: []string{"=session/retry"}, others: []string{goJose}},
	{
		path:    "session/signals",
		ours:    []string{"=session", "=session/apitoken", "=session/jwks", "=session/signinlog", "=session/signin/access", "=session/signin/claim", "=session/signin/grant", "=session/signin/oidc"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/signals/attend",
		ours:    []string{"=session", "=session/lease", "=session/retry", "=session/signals", "=session/signals/transmitter", "=session/signin/access", "=session/signin/grant", "=session/signin/oidc"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/bearer",
		ours:    []string{"=session", "=session/apitoken", "=session/jwks", "=session/signin/access", "=session/signin/claim", "=session/signin/dpop", "=session/signin/oidc", "=session/signin/ratelimit", "=session/signin/reach", "=session/signin/wellknown"},
		others:  []string{goJose, zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{path: "session/signals/transmitter", ours: []string{"=session/jwks", "=session/signin/grant", "=session/signin/oidc", "=session/signin/reach", "=session/signin/wellknown"}, nowhere: []string{"github.com/caddyserver"}},
	{path: "session/retry", never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/storetest", ours: []string{"=session"}, others: []string{"pgregory.net/rapid", "go.uber.org/goleak"}},
	{path: "session/filestore", ours: []string{"=session", "=session/filestore/overlay", "=session/filestore/wal", "=session/signinlog/journal"}, others: []string{bbolt}, nowhere: []string{"net/http"}},
	{path: "session/filestore/overlay", never: ioPackages, nowhere: []string{"net/http"}},
	{path: "session/filestore/wal", nowhere: []string{"net/http", bbolt}},
	{path: "session/redisstore", ours: []string{"=session", "=session/signinlog/journal", "=session/redisstore/failover", "=session/retry"}, others: []string{goRedis}, never: []string{"net/http"}},
	{path: "session/redisstore/failover", others: []string{goRedis}, never: []string{"net/http"}},
	{path: "session/pages", ours: []string{"=session", "session/pages"}, others: []string{"golang.org/x/text"}},
	{path: "session/signinlog", ours: []string{"=session", "=session/agentname", "=session/internal/deflate", "=session/keyring", "=session/retry", "=session/signinlog/journal"}, others: []string{zap}, never: []string{"net/http"}},
	{path: "session/signinlog/journal", ours: []string{"=session"}, never: ioPackages, nowhere: []string{"net/http", zap}},
	{path: "session/signinlog/journal/journaltest", ours: []string{"=session", "=session/signinlog/journal"}, others: []string{"pgregory.net/rapid"}},
	{
		path:    "session/signin",
		ours:    []string{"=session", "=session/apitoken", "=session/keyring", "=session/pending", "=session/refresh", "=session/retry", "=session/signals", "session/pages", "session/signinlog", "session/signin"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/signin/access",
		ours:    []string{"=session", "=session/apitoken", "=session/keyring", "=session/pending", "session/pages", "=session/signinlog", "=session/signin/appdata", "=session/signin/browser", "=session/signin/oidc", "=session/signin/prompt", "=session/signin/ratelimit", "=session/signin/reach"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/signin/renew",
		ours:    []string{"=session", "=session/refresh", "=session/retry", "=session/signinlog", "=session/signin/access", "=session/signin/browser", "=session/signin/grant", "=session/signin/oidc"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/signin/accesstoken",
		ours:    []string{"=session", "=session/retry", "=session/signin/access", "=session/signin/grant", "=session/signin/oidc", "=session/signin/renew"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/signin/bound",
		ours:    []string{"=session", "=session/keyring", "=session/signin/access", "=session/signin/bound/proof", "=session/signin/browser"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{path: "session/signin/bound/proof", ours: []string{"=session/signin/claim"}, others: []string{goJose}, nowhere: []string{module + "/session/signin/access"}},
	{path: "session/signin/bound/boundtest", others: []string{goJose}},
	{
		path:    "session/signin/remembered",
		ours:    []string{"=session", "=session/keyring", "=session/signin/access", "=session/signin/browser"},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{
		path:    "session/signin/account",
		ours:    []string{"=session", "=session/apitoken", "=session/pages", "=session/signals", "=session/signinlog", "=session/signin/access", "=session/signin/browser", "=session/signin/claim", "=session/signin/oidc", "=session/signin/prompt", "=session/signin/remembered", "=session/signin/renew"},
		others:  []string{zap},
		nowhere: []string{goRedis, bbolt, "github.com/caddyserver"},
	},
	{path: "session/signin/browser", ours: []string{"=session", "=session/keyring"}},
	{
		path:   "session/signin/oidc",
		ours:   []string{"=session", "=session/jwks", "=session/retry", "=session/signin/claim", "=session/signin/dpop", "=session/signin/grant", "=session/signin/leave", "=session/signin/reach"},
		others: []string{goOIDC, oauth2, goJose, zap},
		// What a user sees and what is written down about sign-ins is not its business.
		nowhere: []string{module + "/session/pages", module + "/session/signinlog", goRedis, bbolt, "github.com/caddyserver"},
	},
	{path: "session/signin/dpop", others: []string{goJose}},
	{path: "session/signin/oidc/oidctest", ours: []string{"=session"}, others: []string{goJose}},
	{path: "session/signin/prompt", ours: []string{"=session"}, never: ioPackages},
	{path: "session/signin/reach"},
	{path: "session/signin/wellknown", ours: []string{"=session/signin/reach"}},
	{path: "session/signin/leave", nowhere: []string{"net/http"}},
	{path: "session/signin/ratelimit", nowhere: []string{"net/http"}},
	{path: "caddymodule", ours: []string{"=caddymodule/adminapi", "=caddymodule/app", "=caddymodule/caddyfile", "=caddymodule/command", "=caddymodule/store"}},
	{path: "caddymodule/config", ours: []string{"policy", "session", "=caddymodule/crossorigin", "=caddymodule/identity", "=caddymodule/scrub"}, free: true},
	{path: "caddymodule/caddyfile", ours: []string{"policy", "session", "=caddymodule/config", "=caddymodule/caddyfile/grammar", "=caddymodule/identity", "=caddymodule/scrub"}, free: true},
	{path: "caddymodule/caddyfile/grammar", ours: []string{"=caddymodule/config"}, free: true},
	{path: "caddymodule/caddyfile/grammar/grammartest"},
	{path: "caddymodule/store", ours: []string{"session", "=caddymodule/config", "=caddymodule/caddyfile/grammar"}, free: true},
	// observe knows the store and nothing else of Latchkey: what it measures does not depend on what is decided.
	{path: "caddymodule/observe", ours: []string{"=session", "=session/signinlog/journal"}, free: true},
	{path: "caddymodule/keystorage", ours: []string{"=session", "=session/keyring", "=session/retry"}, free: true},
	{
		path: "caddymodule/site",
		ours: []string{"policy", "session", "=caddymodule/config", "=caddymodule/crossorigin", "=caddymodule/identity", "=caddymodule/looks", "=caddymodule/observe", "=caddymodule/scrub", "=caddymodule/useragent"},
		free: true,
	},
	{path: "caddymodule/lint", ours: []string{"policy", "session", "=caddymodule/config"}, free: true},
	{path: "caddymodule/explain", ours: []string{"policy", "session", "=caddymodule/config", "=caddymodule/crossorigin", "=caddymodule/scrub", "=caddymodule/site", "=caddymodule/terminal"}, free: true},
	{path: "caddymodule/signals", ours: []string{"session", "=caddymodule/config"}, free: true},
	{
		path: "caddymodule/app",
		ours: []string{"policy", "session", "=caddymodule/config", "=caddymodule/explain", "=caddymodule/keystorage", "=caddymodule/lint", "=caddymodule/observe", "=caddymodule/signals", "=caddymodule/site", "=caddymodule/store"},
		free: true,
	},
	{path: "caddymodule/adminapi", ours: []string{"session", "=caddymodule/app", "=caddymodule/config", "=caddymodule/explain", "=caddymodule/keystorage", "=caddymodule/terminal"}, free: true},
	{path: "caddymodule/firstfile", ours: []string{"=session/signin/reach", "=caddymodule/terminal"}, free: true},
	{path: "caddymodule/migrate", ours: []string{"caddymodule/migrate"}},
	// draft has the checks and quotes of firstfile, so that one rule says what may stand in a Caddyfile that is written here.
	{path: "caddymodule/migrate/draft", ours: []string{"=caddymodule/firstfile", "=caddymodule/terminal"}, free: true},
	{path: "caddymodule/migrate/oauth2proxy", ours: []string{"=caddymodule/firstfile", "=caddymodule/migrate/draft"}, free: true},
	{path: "caddymodule/migrate/apache", ours: []string{"=caddymodule/firstfile", "=caddymodule/migrate/draft"}, free: true},
	{path: "caddymodule/migrate/authelia", ours: []string{"=caddymodule/firstfile", "=caddymodule/migrate/draft"}, free: true},
	{path: "caddymodule/migrate/caddysecurity", ours: []string{"=caddymodule/firstfile", "=caddymodule/migrate/draft"}, free: true},
	{path: "caddymodule/migrate/vouch", ours: []string{"=caddymodule/firstfile", "=caddymodule/migrate/draft"}, free: true},
	{path: "caddymodule/command", ours: []string{"policy", "session", "caddymodule"}, free: true},
	{path: "caddymodule/apptest", ours: []string{"session", "caddymodule"}, free: true},
	{path: "caddymodule/crossorigin", ours: []string{"=caddymodule/scrub"}, free: true},
	{path: "caddymodule/looks", ours: []string{"=caddymodule/scrub"}, free: true},
	{path: "caddymodule/scrub", free: true},
	{path: "caddymodule/identity", ours: []string{"session"}, free: true},
	{path: "caddymodule/terminal"},
	{path: "caddymodule/useragent", ours: []string{"policy", "session"}, free: true},
	{path: "cmd", ours: []string{"caddymodule", "cmd"}, free: true},
	// monitoring writes files. What it says of the gateway is held by tests.
	{path: "monitoring", others: []string{"go.yaml.in/yaml/v3"}},
	{path: "bench", ours: []string{"bench", "session"}, free: true},
	{path: "test", ours: []string{"policy", "session", "caddymodule", "cmd", "test"}, free: true},
	{path: "", ours: []string{"caddymodule"}},
}

func TestImportEdges(t *testing.T) {
	all := list(t, "-deps", "./...")
	standard := map[string]bool{"C": true, "unsafe": true}
	for _, p := range all {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range all {
		if !under(p.ImportPath, module) {
			continue
		}
		rule := ruleFor(p.path())
		for _, imported := range p.Imports {
			if !rule.allows(imported, standard[imported]) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
		for _, reached := range p.Deps {
			if slices.ContainsFunc(rule.nowhere, func(no string) bool { return under(reached, no) }) {
				t.Errorf("%s reaches %s", p.ImportPath, reached)
			}
		}
	}
}

// Only the ends of the chain import caddymodule, even in tests: a package that imports it becomes part of Caddy.
func TestNobodyImportsCaddyModule(t *testing.T) {
	for _, p := range list(t, "./...") {
		top, _, _ := strings.Cut(p.path(), "/")
		if slices.Contains([]string{"", "caddymodule", "cmd", "test", "bench"}, top) {
			continue
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if under(imported, module+"/caddymodule") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// A16: nothing that a stranger could guess; math/rand is for tests and for load.
func TestNoPredictableRandomness(t *testing.T) {
	for _, p := range list(t, "./...") {
		if under(p.path(), "bench") || under(p.path(), "session/storetest") || under(p.path(), "test/chaos") {
			continue
		}
		for _, imported := range p.Imports {
			if under(imported, "math/rand") {
				t.Errorf("%s imports %s outside its tests", p.ImportPath, imported)
			}
		}
	}
}

func (e edge) allows(imported string, standard bool) bool {
	if rest, is := strings.CutPrefix(imported, module); is {
		imported = strings.TrimPrefix(rest, "/")
		return slices.ContainsFunc(e.ours, func(may string) bool {
			if exact, is := strings.CutPrefix(may, "="); is {
				return imported == exact
			}
			return under(imported, may)
		})
	}
	if standard {
		return !slices.Contains(e.never, imported)
	}
	return e.free || slices.ContainsFunc(e.others, func(may string) bool { return under(imported, may) })
}

// ruleFor returns the edge with the longest path that path lies under.
func ruleFor(path string) edge {
	var rule edge
	for _, e := range edges {
		if under(path, e.path) && len(e.path) >= len(rule.path) {
			rule = e
		}
	}
	return rule
}

// The rules themselves: a forbidden edge is seen as one.
func TestEdgesBite(t *testing.T) {
	for _, row := range []struct {
		from, to string
		standard bool
		want     bool
	}{
		{"policy", "slices", true, true},
		{"policy", "os", true, false},
		{"policy", zap, false, false},
		{"policy", module + "/session", false, false},
		{"policy/lint", module + "/policy", false, false}, // until it gets a rule of its own
		{"session", module + "/policy", false, false},
		{"session", goRedis + "/v9", false, false},
		{"session", module + "/session/keyring", false, true},
		{"session", module + "/session/filestore", false, false},
		{"session", module + "/session/pending", false, false},
		{"session/pending", module + "/session", false, true},
		{"session/pending", module + "/session/signin", false, false},
		{"session/refresh", module + "/session/pending", false, false},
		{"session/keyring", module + "/session", false, false},
		{"session/keyring", "net/http", true, false},
		{"session/internal/pack", module + "/session", false, false},
		{"session/internal/pack", module + "/session/internal/deflate", false, true},
		{"session/signin", module + "/session/internal/pack", false, false},
		{"session/filestore", module + "/session", false, true},
		{"session/filestore", module + "/session/keyring", false, false},
		{"session/filestore", module + "/session/redisstore", false, false},
		{"session/filestore", module + "/session/filestore/wal", false, true},
		{"session/filestore/overlay", "os", true, false},
		{"session/filestore/wal", module + "/session", false, false},
		{"session/redisstore", goRedis + "/v9", false, true},
		{"session/redisstore/failover", module + "/session", false, false},
		{"session/signin", goOIDC + "/v3/oidc", false, false},
		{"session/signin/oidc", goOIDC + "/v3/oidc", false, true},
		{"session/signin", module + "/session/filestore", false, false},
		{"session/signin", module + "/policy", false, false},
		{"session/signin", "github.com/caddyserver/caddy/v2", false, false},
		{"session/signin/oidc", module + "/session", false, true},
		{"session/signin/oidc", module + "/session/signin", false, false},
		{"session/signin/oidc", module + "/session/signin/access", false, false},
		{"session/signin/access", module + "/session/signin", false, false},
		{"session/signin/access", module + "/session/signin/renew", false, false},
		{"session/signin/renew", module + "/session/signin/access", false, true},
		{"session/signin/renew", module + "/session/signin", false, false},
		{"session/signin/account", module + "/session/signin", false, false},
		{"session/signin/oidc", module + "/session/pages", false, false},
		{"session/signin/oidc", module + "/session/signinlog", false, false},
		{"session/unheardof", module + "/session", false, false},
		{"caddymodule/scrub", module + "/policy", false, false},
		{"caddymodule/site", module + "/policy", false, true},
		{"caddymodule/site", module + "/caddymodule/app", false, false},
		{"caddymodule/config", module + "/caddymodule/site", false, false},
		{"", module + "/caddymodule", false, true},
		{"", module + "/session", false, false},
	} {
		if got := ruleFor(row.from).allows(row.to, row.standard); got != row.want {
			t.Errorf("%q imports %q: allowed %v, want %v", row.from, row.to, got, row.want)
		}
	}
}

// pkg is what `go list` knows of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// path is the import path relative to the module; "" is the root.
func (p pkg) path() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// under tells whether path is dir or lies below it. Everything lies below "".
func under(path, dir string) bool {
	return dir == "" || path == dir || strings.HasPrefix(path, dir+"/")
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	fields := "-json=ImportPath,Dir,Standard,Imports,TestImports,XTestImports,Deps,GoFiles,TestGoFiles,XTestGoFiles"
	out, err := exec.Command("go", append([]string{"list", fields}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}
