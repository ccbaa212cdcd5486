package monitoring

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// fullRecord is a sign-in of which everything is known.
func fullRecord(t *testing.T) map[string]any {
	t.Helper()
	r := signinlog.Record{
		ID: "x", Created: time.Unix(1, 0), CorrelationID: "x", SessionID: "x", UserIssuer: "https://idp.example.com", UserSubject: "x", UserName: "zoe",
		Guest: true, App: "wiki", Provider: "main", TokenID: "x", ClientID: "x", IP: "192.0.2.1", SignInRisk: "low", UserRisk: "low", Compliant: "true", Managed: "false",
		UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		BoundTo:   signinlog.BoundToDevice, Interactive: true, PolicyStatus: "success", SessionLifetime: []string{signinlog.FrequencyPeriodic}, Code: 53003,
		Policies: []signinlog.AppliedPolicy{{Name: "p", Result: "success", GrantControls: []string{"mfa"}, SessionControls: []string{"x"}}},
		Detail:   "x", Repeats: 3, InitiatedBy: &signinlog.Initiator{Activity: "x", Name: "x", Target: "x"}, PromptReason: "asked", Unproven: true,
	}
	for i, v := 0, reflect.ValueOf(r); i < v.NumField(); i++ {
		if v.Type().Field(i).IsExported() && v.Field(i).IsZero() {
			t.Errorf("the record of this test has no %s", v.Type().Field(i).Name)
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatal(err)
	}
	return line
}

// names are the names of all fields of a line.
func names(line any, at string) (all []string) {
	switch v := line.(type) {
	case map[string]any:
		for name, value := range v {
			all = append(all, names(value, strings.TrimPrefix(at+"."+name, "."))...)
		}
	case []any:
		for _, one := range v {
			if _, is := one.(map[string]any); !is {
				return []string{at}
			}
			all = append(all, names(one, at)...)
		}
		all = append(all, at)
	default:
		return []string{at}
	}
	return all
}

// Every field of the sign-in log has a mapping, and every mapping a field.
func TestSignInFields(t *testing.T) {
	var mapped []string
	for _, f := range signInStream().Fields[len(common()):] {
		mapped = append(mapped, f.Name)
	}
	have := slices.Compact(slices.Sorted(slices.Values(names(fullRecord(t), ""))))
	slices.Sort(mapped)
	if !slices.Equal(have, mapped) {
		t.Errorf("fields: %v\nmapped: %v", have, mapped)
	}
}

var access = regexp.MustCompile(`^latchkey_(decision|reason|session|token|client|would_\w+)$`)

// written are the fields of messages in the product's code, each with the constructors of zap, and those of the access log.
func written(t *testing.T) (messages map[string][]string, accessed map[string]bool) {
	t.Helper()
	messages, accessed = map[string][]string{}, map[string]bool{}
	for _, dir := range []string{"../session", "../caddymodule", "../cmd", "../policy"} {
		if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				literal, isText := call.Args[0].(*ast.BasicLit)
				if !ok || !isText || literal.Kind != token.STRING {
					return true
				}
				name, _ := strconv.Unquote(literal.Value)
				from, _ := selector.X.(*ast.Ident)
				switch {
				case access.MatchString(name):
					accessed[name] = true
				case from != nil && from.Name == "zap":
					messages[name] = append(messages[name], selector.Sel.Name)
				}
				return true
			})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return messages, accessed
}

// typeOf is the type of a field that these constructors make.
func typeOf(constructors []string) string {
	types := map[string]string{
		"Int": long, "Int64": long, "Uint64": long, "Bool": boolean, "Time": date, "Duration": double,
	}
	found := ""
	for _, c := range constructors {
		is, ok := types[c]
		if !ok {
			is = keyword
		}
		if found != "" && found != is {
			return keyword
		}
		found = is
	}
	return found
}

// Every field of a message has a mapping with a type that takes it, and every mapping a field.
func TestMessageFields(t *testing.T) {
	messages, accessed := written(t)
	if len(messages) < 50 || len(accessed) != 7 {
		t.Errorf("%d fields of messages and %d of the access log were found", len(messages), len(accessed))
	}
	for _, f := range gatewayStream().Fields[len(common())+1:] { // zap.Error names its field itself
		constructors, ok := messages[f.Name]
		if !ok {
			t.Errorf("no message has the field %s", f.Name)
		}
		if want := typeOf(constructors); f.Type != want && (f.Type != ip || want != keyword) {
			t.Errorf("%s is a %s by %v, and is mapped to %s", f.Name, want, constructors, f.Type)
		}
		delete(messages, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		t.Errorf("the field %s of a message has no mapping", name)
	}
	for _, f := range accessStream().Fields {
		delete(accessed, f.Name)
	}
	for name := range accessed {
		t.Errorf("the field %s of the access log has no mapping", name)
	}
}

// A logger belongs to one stream.
func TestLoggers(t *testing.T) {
	for logger, want := range map[string]string{
		"latchkey": "latchkey.gateway", "latchkey.sign_in": "latchkey.signin", "latchkey.sign_in_log": "latchkey.gateway", "http.log.access": "latchkey.access",
		"http.log.access.log0": "latchkey.access", "tls": "", "admin.api": "",
	} {
		got := ""
		for _, s := range LogStreams() {
			if regexp.MustCompile("^" + s.Loggers + "$").MatchString(logger) {
				got += s.Name
			}
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", logger, got, want)
		}
	}
}

// What the configuration for Loki takes out of a line, and what the queries of the page look at, exists.
func TestLokiFields(t *testing.T) {
	known := []string{"job", "level", "logger", "msg", "ts", "__error__"}
	var all []string
	for _, s := range LogStreams() {
		for _, f := range s.Fields {
			known, all = append(known, Flat(f.Name)), append(all, f.Name)
		}
	}
	for _, name := range lokiMetadata() {
		if !slices.Contains(all, name) {
			t.Errorf("no line has the field %s", name)
		}
	}
	page, err := os.ReadFile("../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("(?s)```logql\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(queries) < 6 {
		t.Errorf("only %d queries were found", len(queries))
	}
	looked := regexp.MustCompile("([A-Za-z_][A-Za-z0-9_]*) ?(?:=~|!~|!=|=|>=|<=|>|<) ?[\"`0-9]|by \\(([^)]*)\\)")
	for _, q := range queries {
		for _, found := range looked.FindAllStringSubmatch(q[1], -1) {
			for name := range strings.SplitSeq(found[1]+found[2], ", ") {
				if !slices.Contains(known, name) {
					t.Errorf("a query looks at %s, which no line has: %s", name, q[1])
				}
			}
		}
	}
}
