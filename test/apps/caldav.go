package apps

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// CalDAV is Radicale, which takes the name of its user from a header (http_x_remote_user). A user sees their own collections.
type CalDAV struct {
	Addr string // host:port
	// Files is where the collections are.
	Files string
}

// NewCalDAV starts Radicale without any collection.
func NewCalDAV(t testing.TB) *CalDAV {
	t.Helper()
	dir := t.TempDir()
	d := &CalDAV{Addr: fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t)), Files: filepath.Join(dir, "collections", "collection-root")}
	file := filepath.Join(dir, "config")
	conf := fmt.Sprintf("[server]\nhosts = %s\n[auth]\ntype = http_x_remote_user\n[rights]\ntype = owner_only\n[storage]\nfilesystem_folder = %s/collections\n[web]\ntype = none\n", d.Addr, dir)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	rig.StartServer(t, rig.ServerConfig{Names: []string{"radicale"}, Args: []string{"--config", file}, Addr: d.Addr})
	return d
}

// Items are the files of a user's collection.
func (d *CalDAV) Items(t testing.TB, user, collection string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.Files, user, collection, "*.ics"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
