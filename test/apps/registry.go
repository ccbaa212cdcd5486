package apps

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// NewRegistry starts an empty registry of container images, and returns its host:port.
func NewRegistry(t testing.TB) string {
	t.Helper()
	dir, addr := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	file := filepath.Join(dir, "config.yml")
	conf := fmt.Sprintf("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s/data\nhttp:\n  addr: %s\n  secret: of-this-test\n", dir, addr)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	rig.StartServer(t, rig.ServerConfig{Names: []string{"docker-registry"}, Args: []string{"serve", file}, Addr: addr})
	return addr
}
