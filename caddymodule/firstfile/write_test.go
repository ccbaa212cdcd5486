package firstfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFileOfAnOperatorStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := Write(path, "one"); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, "two"); !errors.Is(err, ErrExists) {
		t.Errorf("a file that exists: %v", err)
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != "one" {
		t.Errorf("%q, %v", have, err)
	}
	if err := os.WriteFile(path, []byte(Packaged), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, "three"); err != nil {
		t.Errorf("the file of a package: %v", err)
	}
	if have, err = os.ReadFile(path); err != nil || string(have) != "three" {
		t.Errorf("%q, %v", have, err)
	}
	if err := os.WriteFile(path, []byte(Packaged+"# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, "four"); !errors.Is(err, ErrExists) {
		t.Errorf("the file of a package, changed: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("files are left over: %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	if err := Write(filepath.Join(path, "in", "no", "directory"), "five"); err == nil || errors.Is(err, ErrExists) {
		t.Errorf("no directory: %v", err)
	}
}
