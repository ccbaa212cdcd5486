package demo

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/spf13/cobra"

	_ "github.com/latchkey-gateway/latchkey/caddymodule"
)

var update = flag.Bool("update", false, "write the golden files")

// execute runs the subcommand as the command line does, under a root that treats errors as Caddy's does.
func execute(args ...string) (stdout string, err error) {
	demo := &cobra.Command{Use: "demo"}
	setUp(demo)
	root := &cobra.Command{Use: "latchkey", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(demo)
	root.SetArgs(append([]string{"demo"}, args...))
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	err = root.Execute()
	return out.String(), err
}

func TestRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	free := freePorts(t, 3)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ports := func(port, provider, app string) []string {
		return []string{"--port", port, "--provider-port", provider, "--app-port", app}
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"--prot", "1"}, "unknown flag: --prot"},
		{"an argument", []string{"now"}, "unknown command"},
		{"port in words", []string{"--port", "http"}, "a port is a number from 1 to 65535"},
		{"port 0", []string{"--provider-port", "0"}, "a port is a number from 1 to 65535"},
		{"port too large", []string{"--app-port", "65536"}, "a port is a number from 1 to 65535"},
		{"negative port", []string{"--port=-1"}, "a port is a number from 1 to 65535"},
		{"same port twice", []string{"--port", "8081"}, "must differ"},
		{"no data directory", []string{"--data-dir", ""}, "--data-dir must name a directory"},
		{"placeholder as directory", []string{"--data-dir", "/tmp/{env.HOME}"}, "--data-dir must be a path without braces"},
		{"line break in the directory", []string{"--data-dir", "/tmp/x\nadmin"}, "--data-dir must be a path without braces"},
		{"no Redis URL", []string{"--redis", "localhost"}, "--redis must be a URL such as"},
		{"another scheme", []string{"--redis", "http://localhost"}, "--redis must be a URL such as"},
		{"braces in the Redis URL", []string{"--redis", "redis://{env.X}"}, "--redis must be a URL without braces"},
		{"port taken", ports(busy, free[0], free[1]), "port " + busy + " is taken, perhaps by another demo; choose a free one with --port"},
		{"provider port taken", ports(free[0], busy, free[1]), "port " + busy + " is taken, perhaps by another demo; choose a free one with --provider-port"},
		{"app port taken", ports(free[0], free[1], busy), "port " + busy + " is taken, perhaps by another demo; choose a free one with --app-port"},
		{"a file as directory", append(ports(free[0], free[1], free[2]), "--data-dir", file), "making the data directory"},
		{"Redis down", append(ports(free[0], free[1], free[2]), "--redis", "redis://:hunter2@127.0.0.1:"+freePorts(t, 1)[0]), "does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(tt.args...)
			if err == nil {
				t.Fatalf("accepted: %s", out)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") || out != "" {
				t.Errorf("more than one line: %q and %q", err, out)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows the password")
			}
		})
	}
}

func TestPrintCaddyfile(t *testing.T) {
	for name, o := range map[string]Options{
		"default": {Port: 8080, ProviderPort: 8081, AppPort: 8082, DataDir: "/var/lib/latchkey-demo"},
		"redis": {
			Port: 9080, ProviderPort: 9081, AppPort: 9082, DataDir: "/Users/ada/Library/Application Support/latchkey-demo",
			RedisURL: "redis://127.0.0.1:6379/0", Verbose: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := o.check(); err != nil {
				t.Fatal(err)
			}
			got := []byte(o.caddyfile([]string{"127.0.0.1", "[::1]"}))
			golden := filepath.Join("testdata", name+".Caddyfile")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s (run with -update after a look):\n%s", golden, got)
			}
			if formatted := caddyfile.Format(got); !bytes.Equal(got, formatted) {
				t.Errorf("`latchkey fmt` would change it to:\n%s", formatted)
			}
			config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(got, nil)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("%v %v", warnings, err)
			}
			if strings.Contains(string(config), `":`+strconv.Itoa(int(o.Port))+`"`) {
				t.Errorf("listens on more than loopback: %s", config)
			}
		})
	}
}

func TestPrintCaddyfileTouchesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	out, err := execute("--print-caddyfile", "--data-dir", dir, "--port", "9090")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "http://localhost:9090 {") || !strings.Contains(out, dir) {
		t.Errorf("not what the flags say:\n%s", out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}

func TestClientSecretIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client-secret")
	first, err := clientSecret(path)
	if err != nil || len(first) < 20 {
		t.Fatalf("%d characters, %v", len(first), err)
	}
	if second, err := clientSecret(path); err != nil || second != first {
		t.Errorf("changed: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := clientSecret(filepath.Dir(path)); err == nil {
		t.Error("a directory was read as a secret")
	}
}

func TestApp(t *testing.T) {
	tests := []struct {
		name, path string
		headers    map[string]string
		status     int
		want       []string
		not        string
	}{
		{
			"admin", "/",
			map[string]string{"Remote-User": "ada", "Remote-Name": "Ada Admin", "Remote-Groups": "staff,admins", "X-Session-Kind": "persistent"},
			200,
			[]string{"Hello <bdi>Ada Admin</bdi>", "outlasts the browser", ">Open /admin<", "not sent", "/.latchkey/sign-out"},
			"Try /admin",
		},
		{
			"staff", "/",
			map[string]string{"Remote-User": "sam", "Remote-Groups": "staff", "X-Session-Kind": "browser"},
			200,
			[]string{"Hello <bdi>sam</bdi>", "ends with the browser", "Try /admin"},
			"outlasts",
		},
		{"nobody", "/", nil, 200, []string{"whoever you are", "not sent"}, "/.latchkey/"},
		{
			"hostile", "/",
			map[string]string{"Remote-User": "<script>alert(1)</script>", "Remote-Groups": "not-admins"},
			200,
			[]string{"&lt;script&gt;", "Try /admin"},
			"<script>",
		},
		{"admin page", "/admin", map[string]string{"Remote-User": "ada"}, 200, []string{"For admins", "ada"}, ""},
		{"elsewhere", "/nowhere", nil, 404, []string{"no such page"}, ""},
		{"time", "/api/time", map[string]string{"Remote-User": "ada"}, 200, []string{`"user":"ada"`, `"time":"2`}, ""},
		{"style", "/style.css", nil, 200, []string{"focus-visible"}, ""},
		{"icon", "/icon.svg", nil, 200, []string{"<svg"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, tt.path, nil)
			for k, v := range tt.headers {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			app().ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%d, %v", w.Code, w.Header())
			}
			for _, want := range tt.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("lacks %q:\n%s", want, w.Body)
				}
			}
			if tt.not != "" && strings.Contains(w.Body.String(), tt.not) {
				t.Errorf("has %q:\n%s", tt.not, w.Body)
			}
		})
	}
}

func TestListenTakesAllOrNone(t *testing.T) {
	addresses := loopbacks()
	if len(addresses) < 2 {
		t.Log("no IPv6 loopback here; one address is tried")
	}
	last := addresses[len(addresses)-1]
	taken, err := net.Listen("tcp", last+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	if _, err := listen(t.Context(), addresses, uint16(port), "--port"); err == nil {
		t.Fatal("a port that is taken on one address was accepted")
	}
	if len(addresses) == 1 {
		return
	}
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", addresses[0], port))
	if err != nil {
		t.Fatalf("the first address was not given back: %v", err)
	}
	l.Close()
}

// freePorts are n different ports that were free a moment ago.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return out
}
