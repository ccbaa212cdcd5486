package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	_ "github.com/latchkey-gateway/latchkey/caddymodule/command"
	"github.com/latchkey-gateway/latchkey/cmd/latchkey/demo"
	"github.com/latchkey-gateway/latchkey/test/commands"
)

const root = "../.."

// languages are what a code block of a document may be. One without a name could be a command or a Caddyfile that no test sees.
var languages = []string{
	"caddyfile", "sh", "text", "json", "js", "html", "ini", "yaml", "nginx", "logql", "apache", "php", "python", "toml",
}

// Each command in a block of a shell exists, with its flags, targets and folders, and each block says why it is not run if
// it is not.
func TestCommandsExist(t *testing.T) {
	checked, run := 0, 0
	for _, b := range blocks(t) {
		if !slices.Contains(languages, b.Language()) {
			t.Errorf("%s: a block of %q; known are %q", b.Where(), b.Language(), languages)
		}
		if b.Language() != "sh" {
			continue
		}
		if reason := b.NotRun(); reason == "" {
			run++
		} else if commands.Reasons[reason] == "" {
			t.Errorf("%s: %q is no reason that is known", b.Where(), reason)
		}
		all, err := commands.Split(b.Text)
		if err != nil || len(all) == 0 {
			t.Errorf("%s: %d commands, %v", b.Where(), len(all), err)
		}
		for _, words := range all {
			checked++
			if err := exists(words); err != nil {
				t.Errorf("%s: %s: %v", b.Where(), strings.Join(words, " "), err)
			}
		}
	}
	if checked < 60 || run < 15 {
		t.Errorf("only %d commands were found, and %d blocks that are run", checked, run)
	}
}

var inText = regexp.MustCompile("`((?:\\./)?latchkey [a-z-]+[^`\n]*|make [a-z]+[^`\n]*|go (?:run|test) [^`\n]*)`")

// So do the commands that stand in the text. What may be left out of them, such as the name of a file, often is.
func TestCommandsInTextExist(t *testing.T) {
	checked := 0
	for _, file := range documents(t) {
		_, prose, err := commands.Blocks(root, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inText.FindAllStringSubmatch(prose, -1) {
			if strings.ContainsAny(m[1], "|<[…") || m[1] == "make token" {
				continue // a pattern, or an activity of the sign-in log
			}
			all, err := commands.Split(m[1])
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			for _, words := range all {
				checked++
				var missing *incompleteError
				if err := exists(words); err != nil && !errors.As(err, &missing) {
					t.Errorf("%s: %s: %v", file, m[1], err)
				}
			}
		}
	}
	if checked < 60 {
		t.Errorf("only %d commands were found", checked)
	}
}

// incompleteError is about a command that needs more than it was given.
type incompleteError struct{ error }

// exists checks one command of a document.
func exists(words []string) error {
	switch words[0] {
	case "latchkey", "./latchkey":
		return existsInLatchkey(words[1:])
	case "make":
		return existsInMakefile(words[1:])
	case "go":
		return existsInGo(words[1:])
	case "./xcaddy.sh":
		return nil
	}
	if !slices.Contains(others, words[0]) {
		return fmt.Errorf("%s is a program that no document names so far", words[0])
	}
	return nil
}

// others are programs that are not checked further.
var others = []string{
	"apt", "base64", "cadaver", "chmod", "curl", "dnf", "docker", "export", "filebrowser", "git", "head", "hydra", "jq", "kanidm",
	"kubectl", "nano", "npm", "occ", "rclone", "runuser", "sha256sum", "skopeo", "sort", "sudo", "systemctl", "tr", "uniq", "xcaddy",
	"zcat",
}

// existsInLatchkey parses a command line as the binary does.
func existsInLatchkey(args []string) error {
	cmd, rest, err := binary().Find(args)
	if err != nil {
		return err
	}
	cmd.Flags().BoolP("help", "h", false, "")
	if err := cmd.ParseFlags(rest); err != nil {
		if strings.Contains(err.Error(), "needs an argument") {
			return &incompleteError{err}
		}
		return err
	}
	left := cmd.Flags().Args()
	if !cmd.HasParent() || (len(left) > 0 && cmd.HasSubCommands()) {
		return fmt.Errorf("%q is no command of %q", left, cmd.CommandPath())
	}
	if err := cmd.ValidateArgs(left); err != nil && len(left) == 0 {
		return &incompleteError{err}
	} else if err != nil {
		return err
	}
	return nil
}

// binary is the command line of the binary, as Caddy puts it together.
func binary() *cobra.Command {
	all := &cobra.Command{Use: "latchkey"}
	for _, c := range append(slices.Collect(maps.Values(caddycmd.Commands())), demo.Command()) {
		cmd := &cobra.Command{Use: c.Name, RunE: func(*cobra.Command, []string) error { return nil }}
		if c.CobraFunc != nil {
			c.CobraFunc(cmd)
		} else {
			cmd.Flags().AddGoFlagSet(c.Flags)
		}
		all.AddCommand(cmd)
	}
	return all
}

func existsInMakefile(args []string) error {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return err
	}
	for _, arg := range args {
		name, _, variable := strings.Cut(arg, "=")
		want := `(?m)^` + regexp.QuoteMeta(name) + `:`
		if variable {
			want = `\$\((?:or \$\()?` + regexp.QuoteMeta(name) + `\)`
		}
		if !regexp.MustCompile(want).Match(makefile) {
			return fmt.Errorf("the Makefile has no %s", name)
		}
	}
	return nil
}

var testsNamed = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)

// existsInGo checks the folders that `go run` and `go test` are given, and that there are the tests which are named.
func existsInGo(args []string) error {
	if len(args) < 2 {
		return errors.New("go does nothing without a command and a folder")
	}
	if args[0] == "run" { // flags of the build, the folder, flags of the program
		at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, ".") })
		if at < 0 {
			return errors.New("go run has no folder")
		}
		return hasFlags(filepath.Join(root, args[at]), args[at+1:])
	}
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, ".") {
			continue
		}
		folder := filepath.Join(root, strings.TrimSuffix(arg, "/..."))
		if _, err := os.Stat(folder); err != nil {
			return err
		}
		for _, name := range testsNamed.FindAllString(strings.Join(args, " "), -1) {
			if there, err := hasTest(folder, name); err != nil || !there {
				return errors.Join(fmt.Errorf("%s has no test %s", arg, name), err)
			}
		}
	}
	return nil
}

// hasFlags checks that the program of a folder has the flags that are given, by their names in its source. The commands of
// cmd/latchkey are those of the binary.
func hasFlags(folder string, args []string) error {
	if filepath.ToSlash(folder) == root+"/cmd/latchkey" {
		return existsInLatchkey(args)
	}
	var source []byte
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%s has no program: %w", folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		source = append(source, text...)
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && name != "h" && !bytes.Contains(source, []byte(`, "`+name+`", `)) && !bytes.Contains(source, []byte(`("`+name+`", `)) {
			return fmt.Errorf("%s has no flag %s", folder, arg)
		}
	}
	return nil
}

// hasTest reports whether a test below a folder has a name that begins so.
func hasTest(folder, name string) (there bool, err error) {
	begins := []byte("\nfunc " + name)
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != folder && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		there = there || bytes.Contains(text, begins)
		return err
	})
	return there, err
}

func documents(t *testing.T) []string {
	t.Helper()
	names, err := commands.Documents(root)
	if err != nil || len(names) < 55 {
		t.Fatalf("%d documents, %v", len(names), err)
	}
	return names
}

func blocks(t *testing.T) (all []commands.Block) {
	t.Helper()
	for _, file := range documents(t) {
		found, _, err := commands.Blocks(root, file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// A command that is not as the binary has it is found.
func TestWhatDoesNotExist(t *testing.T) {
	for line, want := range map[string]string{
		"latchkey sessions revoke --usr ada":          "unknown flag",
		"latchkey session list":                       "unknown command",
		"latchkey sessions lst":                       "no command",
		"latchkey keys retire":                        "accepts 1 arg",
		"latchkey sign-ins --limit x":                 "invalid argument",
		"latchkey doctor now":                         "unknown command",
		"make sight":                                  "no sight",
		"make test CHAOSTME=1m":                       "no CHAOSTME",
		"go run ./cmd/latch demo":                     "no program",
		"go run ./cmd/latchkey dmo":                   "unknown command",
		"go run ./bench -unly program":                "no flag -unly",
		"go run ./bench -only program":                "",
		"go test . -run TestRulez":                    "no test TestRulez",
		"wget x":                                      "no document names",
		"latchkey sessions revoke -- -id":             "",
		"latchkey demo -p 9":                          "",
		"latchkey validate --config Caddyfile":        "",
		"make chaos SEED=4":                           "",
		"go test -race ./policy/... ./session/...":    "",
		"go test . -run 'TestRules|TestLinksBetween'": "",
	} {
		all, err := commands.Split(line)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %q %v", line, all, err)
		}
		err = exists(all[0])
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
