package caddymodule

import (
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
)

func init() {
	caddy.RegisterModule(new(FileStore))
}

// FileStore keeps sessions in one file on this machine. It survives restarts and needs no server; one process can use
// a file. For several machines use `redis`.
type FileStore struct {
	// The file. It is made, with its directories, if it is not there. Default: `latchkey/sessions.db` under Caddy's data
	// directory.
	Path string `json:"path,omitempty"`

	path string
}

// CaddyModule returns the Caddy module information.
func (*FileStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.file", New: func() caddy.Module { return new(FileStore) }}
}

// Provision finds the path. It touches no file.
func (s *FileStore) Provision(caddy.Context) error {
	path := filepath.Join(caddy.AppDataDir(), "latchkey", "sessions.db")
	if s.Path != "" {
		var err error
		if path, err = resolve("path", s.Path); err != nil {
			return err
		}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	s.path = abs
	return nil
}

// Identity implements StoreModule.
func (s *FileStore) Identity() string { return "file:" + s.path }

// Open implements StoreModule.
func (s *FileStore) Open(*zap.Logger) (session.Store, error) {
	return filestore.Open(filestore.Config{Path: s.path})
}

// UnmarshalCaddyfile reads `file [<path>]`.
func (s *FileStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the driver
	if d.NextArg() {
		if s.Path = d.Val(); s.Path == "" {
			return d.Err("the path of the file store is empty")
		}
	}
	if d.NextArg() {
		return d.Err("the file store takes one path at most")
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("unrecognized file store option %q: this store has no block", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*FileStore)(nil)
	_ caddyfile.Unmarshaler = (*FileStore)(nil)
	_ StoreModule           = (*FileStore)(nil)
)
