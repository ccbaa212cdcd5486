package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// startFPM starts the PHP server of an unpacked root, which speaks FastCGI. Its files are where Debian's packages have them.
func startFPM(t testing.TB, root string, p place, extensions ...string) {
	t.Helper()
	modules, err := filepath.Glob(filepath.Join(root, "usr/lib/php/2*"))
	if err != nil || len(modules) != 1 {
		t.Fatalf("the modules of PHP: %q %v", modules, err)
	}
	var ini strings.Builder
	fmt.Fprintf(&ini, "extension_dir = %s\nsession.save_path = %s\ninclude_path = .:%s\n", modules[0], p.dir, filepath.Join(root, "usr/share/php"))
	for _, one := range extensions {
		fmt.Fprintf(&ini, "extension = %s\n", one)
	}
	conf := fmt.Sprintf("[global]\nerror_log = /dev/stderr\ndaemonize = no\n[www]\nlisten = %s\npm = static\npm.max_children = 4\n"+
		"catch_workers_output = yes\nphp_admin_value[error_log] = /dev/stderr\n", p.addr)
	args := []string{"-c", filepath.Join(p.dir, "php.ini"), "-y", filepath.Join(p.dir, "fpm.conf"), "-F"}
	if os.Getuid() == 0 {
		conf += "user = root\ngroup = root\n"
		args = append(args, "-R")
	}
	for name, text := range map[string]string{"php.ini": ini.String(), "fpm.conf": conf} {
		writeFile(t, filepath.Join(p.dir, name), text)
	}
	run := tryout.Start(t, p.dir, p.port, append(tryout.DebianEnvironment(root), "PHP_INI_SCAN_DIR="), filepath.Join(root, "usr/sbin/php-fpm8.2"), args...)
	t.Cleanup(func() { run.Stop(t) })
}

// writeFile writes a file of an app, with its folder.
func writeFile(t testing.TB, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o750)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatalf("writing a file of the app: %v", err)
	}
}
