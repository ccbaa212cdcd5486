package tryout

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// DebianRoot unpacks Debian packages, with those that they need and this machine has not, into a folder of the cache. Nothing
// is installed on the machine and nothing is started. The package lists must be there (apt-get update).
func DebianRoot(cache, name string, leave *regexp.Regexp, packages ...string) (root, version string, err error) {
	root = filepath.Join(cache, name)
	mark := filepath.Join(root, ".version")
	if raw, err := os.ReadFile(mark); err == nil {
		return root, string(raw), nil
	}
	all := append([]string{"install", "-y", "--no-install-recommends", "--print-uris"}, packages...)
	out, err := exec.Command("apt-get", all...).Output() //nolint:gosec // names of this command's own
	if err != nil {
		return "", "", fmt.Errorf("apt-get knows no way to install %s (apt-get update?): %w", strings.Join(packages, " "), err)
	}
	debs := filepath.Join(root, ".debs")
	if err := os.MkdirAll(debs, 0o755); err != nil { //nolint:gosec // apt may download as a user of its own
		return "", "", fmt.Errorf("cache folder: %w", err)
	}
	download := []string{"download", "-q"}
	for line := range bytes.Lines(out) {
		// 'http://…/name_version_arch.deb' name_version_arch.deb size hash
		fields := strings.Fields(string(line))
		if len(fields) < 2 || !strings.HasPrefix(fields[0], "'") {
			continue
		}
		one, _, _ := strings.Cut(fields[1], "_")
		if leave == nil || !leave.MatchString(one) {
			download = append(download, one)
		}
	}
	if err := Command(debs, nil, "apt-get", download...); err != nil {
		return "", "", err
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return "", "", err
	}
	for _, file := range files {
		if err := Command(debs, nil, "dpkg", "-x", file, root); err != nil {
			return "", "", err
		}
		if rest, found := strings.CutPrefix(filepath.Base(file), packages[0]+"_"); found {
			version, _, _ = strings.Cut(strings.ReplaceAll(rest, "%3a", ":"), "_")
		}
	}
	if version == "" {
		return "", "", fmt.Errorf("%s is installed on this machine already; the trial needs it in a folder of its own", packages[0])
	}
	version = upstream(version)
	return root, version, os.WriteFile(mark, []byte(version), 0o600)
}

// DebianProgram is DebianRoot for a program that may be installed on this machine: the root is then that of the machine.
func DebianProgram(cache, name string, packages ...string) (root, version string, err error) {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Status}\t${Version}", packages[0]).Output() //nolint:gosec // names of the caller's own
	if status, version, _ := strings.Cut(string(out), "\t"); err == nil && status == "install ok installed" {
		return "/", upstream(version), nil
	}
	return DebianRoot(cache, name, nil, packages...)
}

// upstream is the version of a program without what Debian adds to it.
func upstream(version string) string {
	if _, rest, epoch := strings.Cut(version, ":"); epoch {
		version = rest
	}
	version, _, _ = strings.Cut(version, "-")
	version, _, _ = strings.Cut(version, "+")
	return version
}

// DebianEnvironment lets programs of an unpacked root find their programs and libraries before the machine's.
func DebianEnvironment(root string) []string {
	libs, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*")) // both patterns are good
	more, _ := filepath.Glob(filepath.Join(root, "lib/*-linux-gnu*"))
	return []string{
		"LD_LIBRARY_PATH=" + strings.Join(append(libs, more...), ":"),
		"PATH=" + filepath.Join(root, "usr/bin") + ":" + os.Getenv("PATH"),
	}
}

// SQLite runs statements on a database, with the machine's program or that of an unpacked root.
func SQLite(t testing.TB, root, database, statements string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `exec sqlite3 -bail -cmd '.timeout 5000' "$0"`, database) //nolint:gosec // a file of this trial
	cmd.Env = append(os.Environ(), DebianEnvironment(root)...)
	cmd.Stdin = strings.NewReader(statements)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
}
