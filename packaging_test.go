package latchkey_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
)

const packagedUnit = "packaging/systemd/latchkey.service"

// unitValues returns the values of a key of the unit, in their order.
func unitValues(t *testing.T, key string) (values []string) {
	t.Helper()
	for line := range strings.Lines(read(t, packagedUnit)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			values = append(values, value)
		}
	}
	if values == nil {
		t.Errorf("%s has no %s", packagedUnit, key)
	}
	return values
}

// The unit, the packages, their scripts and the document name the same user and the same paths, and commands that there are.
func TestPackagesAgree(t *testing.T) {
	config, environment := "/etc/latchkey/Caddyfile", firstfile.PackagedEnvironment
	nfpm, scripts := read(t, "packaging/nfpm.yaml"), ""
	for _, name := range []string{"preinstall", "postinstall", "preremove", "postremove"} {
		scripts += read(t, "packaging/scripts/"+name)
		if !strings.Contains(nfpm, name+": packaging/scripts/"+name) {
			t.Errorf("nfpm.yaml does not run %s", name)
		}
	}
	for _, key := range []string{"ExecStart", "ExecReload", "ExecStartPre"} {
		for _, value := range unitValues(t, key) {
			command := regexp.MustCompile(`/usr/bin/latchkey ([a-z]+) .*--config (\S+)`).FindStringSubmatch(value)
			if command == nil || command[2] != config {
				t.Errorf("%s=%s", key, value)
			}
		}
	}
	if pre := unitValues(t, "ExecStartPre"); !strings.HasPrefix(pre[0], "-timeout ") {
		t.Errorf("doctor may hold a start up: %s", pre)
	}
	if got := unitValues(t, "EnvironmentFile"); !slices.Equal(got, []string{"-" + environment}) {
		t.Errorf("EnvironmentFile=%s", got)
	}
	if user, state := unitValues(t, "User"), unitValues(t, "StateDirectory"); user[0] != "latchkey" || state[0] != "latchkey" {
		t.Errorf("User=%s, StateDirectory=%s", user, state)
	}
	for _, want := range []string{"useradd --system", "--home-dir /var/lib/latchkey", "rm -rf /var/lib/latchkey\n", "config=" + config + "\n", "environment=" + environment + "\n", "unit=" + firstfile.PackagedService + ".service\n", "/usr/bin/latchkey validate --config"} {
		if !strings.Contains(scripts, want) {
			t.Errorf("no script of the packages has %q", want)
		}
	}
	install := read(t, "docs/install.md")
	for _, want := range []string{config, environment, "/usr/bin/latchkey", "/var/lib/latchkey", "/run/latchkey"} {
		if !strings.Contains(install, "`"+want+"`") {
			t.Errorf("docs/install.md does not name %s", want)
		}
	}
	for _, want := range []string{config, environment} {
		if !strings.Contains(firstfile.Packaged, want) || !strings.Contains(nfpm, "dst: "+want+"\n    type: config|noreplace\n") {
			t.Errorf("%s is not in the packaged Caddyfile, or no file of the operator in nfpm.yaml", want)
		}
	}
}

// What nfpm packs, and the Containerfile copies, is there.
func TestPackagedFilesExist(t *testing.T) {
	sources := regexp.MustCompile(`(?m)^\s+(?:- src|pre\w+|post\w+): ([^$\n]+)$`).FindAllStringSubmatch(read(t, "packaging/nfpm.yaml"), -1)
	if len(sources) < 10 {
		t.Errorf("only %d sources were found", len(sources))
	}
	for _, source := range sources {
		if _, err := os.Stat(source[1]); err != nil {
			t.Error(err)
		}
	}
}

// Caddyfiles that are shipped are loaded as `latchkey validate` does.
func TestPackagedCaddyfilesAreValid(t *testing.T) {
	exampleEnvironment(t)
	names, err := filepath.Glob("packaging/*/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "caddymodule/firstfile/packaged.caddyfile") {
		t.Run(name, func(t *testing.T) {
			text := read(t, name)
			if got := string(caddyfile.Format([]byte(text))); got != text {
				t.Errorf("`latchkey fmt` would write it otherwise:\n%s", got)
			}
			text = strings.ReplaceAll(text, "/run/secrets/latchkey", mountedSecrets(t))
			config, _, err := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}.Adapt([]byte(text), map[string]any{"filename": name})
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(config); err != nil {
				t.Error(err)
			}
		})
	}
}

// mountedSecrets is a folder with the secrets that the manifests mount.
func mountedSecrets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"client-secret", "redis-password", "key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The manifests mount what the Caddyfile beside them reads, lead to the ports that it opens, and run what the image has.
func TestManifestsAgree(t *testing.T) {
	config, gateway := read(t, "packaging/kubernetes/Caddyfile"), read(t, "packaging/kubernetes/gateway.yaml")
	redis, network := read(t, "packaging/kubernetes/redis.yaml"), read(t, "packaging/kubernetes/network.yaml")
	container := read(t, "packaging/container/Containerfile")
	for text, wants := range map[string][]string{
		config:                                {"http_port 8080\n", "http://:9180 {\n", "respond /health 200\n", "metrics /metrics\n", "{file./run/secrets/latchkey/", "sentinel latchkey redis-0.redis:26379 redis-1.redis:26379 redis-2.redis:26379\n"},
		gateway:                               {"containerPort: 8080\n", "containerPort: 9180\n", "path: /health\n", "mountPath: /run/secrets/latchkey\n", "mountPath: /etc/latchkey\n", "runAsUser: 65532\n", "readOnlyRootFilesystem: true\n", "args: [run, --config, /etc/latchkey/Caddyfile]\n"},
		redis:                                 {"replicas: 3\n", "containerPort: 26379\n", "mountPath: /run/secrets/redis\n", "path: password\n"},
		network:                               {"port: 8080\n", "port: 9180\n", "port: 26379\n"},
		container:                             {"FROM scratch\n", "USER 65532:65532\n", `CMD ["/usr/bin/latchkey", "healthcheck"]`, `ENTRYPOINT ["/usr/bin/latchkey"]`, `CMD ["run", "--config", "/etc/latchkey/Caddyfile"]`},
		read(t, "packaging/container/passwd"): {"latchkey:x:65532:65532:"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				first, _, _ := strings.Cut(text, "\n")
				t.Errorf("%q is not in the file that begins with %q", want, first)
			}
		}
	}
	for _, name := range []string{"redis.sh", "sentinel.sh"} {
		script := read(t, "packaging/kubernetes/redis/"+name)
		if !strings.Contains(script, "/run/secrets/redis}/password") || !strings.Contains(redis, "/scripts/"+name+"]") {
			t.Errorf("%s reads another secret, or is not run", name)
		}
	}
}

// Actions are named by their commits, and a workflow has no more rights than its jobs name.
func TestWorkflowsArePinned(t *testing.T) {
	files, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	pinned := regexp.MustCompile(`^\S+@[0-9a-f]{40} # v[0-9.]+$`)
	for _, name := range files {
		text := read(t, name)
		if !strings.Contains(text, "\npermissions: {}\n") && !strings.Contains(text, "\npermissions:\n  contents: read\n") {
			t.Errorf("%s may do more than read", name)
		}
		for _, m := range regexp.MustCompile(`uses: (.*)`).FindAllStringSubmatch(text, -1) {
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: %s is not pinned to a commit", name, m[1])
			}
		}
	}
}

// inScript and inText find calls of make; in a text they stand in backticks.
var (
	inScript = regexp.MustCompile(`(?m)(?:^|run: )make ([a-z]+(?:-[a-z]+)*)`)
	inText   = regexp.MustCompile("`make ([a-z]+(?:-[a-z]+)*)[` ]")
)

// Each target that a workflow calls, or a document tells to call, is one of the Makefile.
func TestTargetsExist(t *testing.T) {
	makefile := read(t, "Makefile")
	files, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, name := range append(files, ".ci/run", "README.md", "CONTRIBUTING.md", "docs/install.md", "docs/providers.md") {
		call := inScript
		if filepath.Ext(name) == ".md" {
			call = inText
		}
		for _, m := range call.FindAllStringSubmatch(read(t, name), -1) {
			named++
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: there is no target %s", name, m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d calls of make were found", named)
	}
}
