package store

import (
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
)

func init() {
	caddy.RegisterModule(new(File))
}

// File stores sessions in one file on this machine. Sessions survive restarts, and no server is needed. Only one
// process can use a file; for several machines use `redis`.
type File struct {
	// The path of the file. The file and its directories are created if they do not exist. Default:
	// `latchkey/sessions.db` under Caddy's data directory.
	Path string `json:"path,omitempty"`

	path string
}

// CaddyModule returns the Caddy module information.
func (*File) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.file", New: func() caddy.Module { return new(File) }}
}

// Provision determines the path. It does not touch the file.
func (s *File) Provision(caddy.Context) error {
	path := filepath.Join(caddy.AppDataDir(), "latchkey", "sessions.db")
	if s.Path != "" {
		var err error
		if path, err = config.Resolve("path", s.Path); err != nil {
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

// Location returns the path of the file. It is valid after Provision.
func (s *File) Location() string { return s.path }

// Room returns the size of the file with its log, and how many bytes are free for them. It returns an error if the file does
// not exist, or the system does not tell.
func (s *File) Room() (size, free int64, err error) {
	if size, err = filestore.Size(s.path); err != nil {
		return 0, 0, err
	}
	free, err = freeBytes(filepath.Dir(s.path))
	return size, free, err
}

// Failure returns why the store takes no write although there is room, or nil. One that is not open has no failure.
func (s *File) Failure() (err error) {
	stores.Range(func(identity, value any) bool {
		if identity != s.Identity() {
			return true
		}
		if open, ok := value.(*Shared).current().(*filestore.Store); ok {
			err = open.Failure()
		}
		return false
	})
	return err
}

// Identity implements Module.
func (s *File) Identity() string { return "file:" + s.path }

// Open implements Module.
func (s *File) Open(logger *zap.Logger) (session.Store, error) {
	return filestore.Open(filestore.Config{Path: s.path, OnFailure: logFailure(logger)})
}

// logFailure logs when the file takes no write any more, and when it does again.
func logFailure(logger *zap.Logger) func(error) {
	return func(err error) {
		if err != nil {
			logger.Error("session file failing: no sign-in and no sign-out can be written; it is tried again every few seconds", zap.Error(err))
			return
		}
		logger.Info("session file recovered: writes are taken again")
	}
}

// UnmarshalCaddyfile reads `file [<path>]`.
func (s *File) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
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
	_ caddy.Provisioner     = (*File)(nil)
	_ caddyfile.Unmarshaler = (*File)(nil)
	_ Module                = (*File)(nil)
)
