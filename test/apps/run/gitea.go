package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

const giteaVersion = "v1.26.0"

// gitea is the Go program, with the templates of its module. The module has no built scripts and styles, so its pages are bare.
type gitea struct {
	bin, static string
	times       int
}

func (a *gitea) name() string             { return "Gitea" }
func (a *gitea) version() string          { return strings.TrimPrefix(giteaVersion, "v") }
func (a *gitea) page() string             { return "gitea" }
func (a *gitea) path() string             { return "/user/settings" }
func (a *gitea) header() string           { return "X-WEBAUTH-USER" }
func (a *gitea) shows(user string) string { return user + "@example.com" }

func (a *gitea) install(cache string) (err error) {
	program := tryout.GoProgram{
		Name: "gitea", Pkg: "code.gitea.io/gitea", Module: "code.gitea.io/gitea", Version: giteaVersion, Tags: "sqlite,sqlite_unlock_notify",
		// Those of its go.mod.
		Replace: `(
	github.com/Azure/azure-sdk-for-go/sdk/azcore => github.com/Azure/azure-sdk-for-go/sdk/azcore v1.19.0
	github.com/Azure/azure-sdk-for-go/sdk/storage/azblob => github.com/Azure/azure-sdk-for-go/sdk/storage/azblob v1.6.2
	github.com/jaytaylor/html2text => github.com/Necoro/html2text v0.0.0-20250804200300-7bf1ce1c7347
	github.com/microsoft/go-mssqldb => github.com/microsoft/go-mssqldb v1.9.7
	github.com/nektos/act => gitea.com/gitea/act v0.261.10
	github.com/urfave/cli/v3 => github.com/urfave/cli/v3 v3.4.1
	go.yaml.in/yaml/v4 => go.yaml.in/yaml/v4 v4.0.0-rc.3
)`,
	}
	if a.bin, err = program.Build(cache); err != nil {
		return err
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", program.Module)
	list.Dir, list.Env = filepath.Dir(a.bin), append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := list.Output()
	a.static = strings.TrimSpace(string(out))
	return err
}

func (a *gitea) start(t testing.TB, p place) map[string]string {
	file := filepath.Join(p.dir, "app.ini")
	conf := fmt.Sprintf(`I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = %[1]s
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]d
ROOT_URL = %[3]s/
STATIC_ROOT_PATH = %[4]s
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
[repository]
ENABLE_PUSH_CREATE_USER = true
[log]
LEVEL = Warn
%[5]s`, p.dir, p.port, p.origin, a.static, block(t, p.page, "ini"))
	conf = strings.Replace(conf, "[security]\n", "[security]\nINSTALL_LOCK = true\nSECRET_KEY = of-this-trial\n", 1)
	writeFile(t, file, conf)
	env := []string{"HOME=" + p.dir, "GITEA_WORK_DIR=" + p.dir}
	run := tryout.Start(t, p.dir, p.port, env, a.bin, "web", "--config", file)
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"gitea:3000": p.addr}
}

var giteaUser = regexp.MustCompile(`name="name"[^>]* value="([a-z]+)"`)

func (a *gitea) user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string {
	return readUser(t, c, origin+"/user/settings", header, func(text string) string {
		if found := giteaUser.FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return ""
	})
}

// program pushes a new repository and clones it.
func (a *gitea) program(t testing.TB, origin, token string) (string, error) {
	a.times++
	return pushAndClone(t, apps.NewHome(t), origin, token, fmt.Sprintf("/ada/project%d.git", a.times))
}

// pushAndClone pushes a commit of 2 MB to an address, and clones it.
func pushAndClone(t testing.TB, home *apps.Home, origin, token, path string) (string, error) {
	t.Helper()
	const what = "git: a push and a clone"
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("any", token)
	at := u.String() + path
	home.Write(".gitconfig", "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n[core]\n\tcompression = 0\n")
	dir := strings.Trim(strings.ReplaceAll(path, "/", "-"), "-")
	home.Write("from-"+dir+"/file", strings.Repeat("0123456789abcdef", 1<<17))
	for _, args := range [][]string{
		{"init", "-q", "from-" + dir},
		{"-C", "from-" + dir, "add", "file"},
		{"-C", "from-" + dir, "commit", "-q", "-m", "one"},
		{"-C", "from-" + dir, "push", "-q", at, "HEAD:main"},
		{"clone", "-q", "-b", "main", at, "to-" + dir},
	} {
		if r := home.Run("git", args...); !r.OK() {
			return what, fmt.Errorf("git %s: %s", args[0], strings.ReplaceAll(r.Out, token, "..."))
		}
	}
	return what, nil
}
