package apps

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// WebDAV is Apache with mod_dav on a folder of files.
type WebDAV struct {
	Addr string // host:port
	// Files is the folder.
	Files string
}

// NewWebDAV starts Apache with some files in its folder.
func NewWebDAV(t testing.TB, files map[string]string) *WebDAV {
	t.Helper()
	// Its worker is another user, who may not look into the folders of a test.
	dir, err := os.MkdirTemp("", "latchkey-webdav-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &WebDAV{Addr: fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t)), Files: filepath.Join(dir, "files")}
	worker := ""
	if os.Getuid() == 0 {
		worker = "User www-data\nGroup www-data"
	}
	conf := fmt.Sprintf(`ServerRoot "%[1]s"
PidFile "%[1]s/pid"
ErrorLog /dev/stderr
DefaultRuntimeDir "%[1]s"
DocumentRoot "%[2]s"
ServerName localhost
Listen %[3]s
%[4]s
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
DAVLockDB "%[1]s/locks/db"
<Directory "%[2]s">
	Dav On
	Require all granted
</Directory>
`, dir, d.Files, d.Addr, worker)
	for _, folder := range []string{dir, d.Files, filepath.Join(dir, "locks")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, 0o777); err != nil { //nolint:gosec // the worker writes into it, and a test removes it
			t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(d.Files, name), []byte(content), 0o666); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	rig.StartServer(t, rig.ServerConfig{Names: []string{"apache2", "/usr/sbin/apache2"}, Args: []string{"-f", file, "-DFOREGROUND"}, Addr: d.Addr})
	return d
}

// Read returns what is in a file of the folder, and whether it exists.
func (d *WebDAV) Read(name string) (content string, exists bool) {
	raw, err := os.ReadFile(filepath.Join(d.Files, name))
	return string(raw), err == nil
}
