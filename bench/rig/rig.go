package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Options are what every run has.
type Options struct {
	// Binary is the gateway, as made by `make build`.
	Binary string
	// Baseline is the Caddy that everything is compared with, package baseline; empty builds it.
	Baseline string
	// Beside is another gateway that the same cases measure; empty is none.
	Beside string
	// Redis is the Redis server program; empty is none.
	Redis string
	// GOGC is that of every gateway, plain Caddy included.
	GOGC string
	// Pin puts gateways and Redis on the first core, everything else on the others.
	Pin bool
	// Profile is a directory for profiles; empty is none.
	Profile string
}

// A Rig holds what lives for the length of a run: an app and a provider inside this process, and whatever was started.
type Rig struct {
	Options Options
	// Core is where the gateways live; -1 leaves that to the system.
	Core int
	// Dir is a directory of this run, removed at its end.
	Dir string
	// App is the address of the app, Issuer the URL of the provider.
	App, Issuer string
	Provider    *Provider

	notes io.Writer
	// copies are the programs that run, by that of which they are copies.
	copies map[string]string
	// homes counts the directories that were given out.
	homes int
	// closers end what was started, last first.
	closers []func() error
}

// Open pins what is to be pinned, and starts the app and the provider. Progress goes to notes.
func Open(o Options, notes io.Writer) (_ *Rig, err error) {
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return nil, err
	}
	r := &Rig{Options: o, Dir: dir, Core: -1, notes: notes}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if o.Pin {
		if r.Core, err = Split(); err != nil {
			return nil, fmt.Errorf("pinning: %w", err)
		}
	}
	if r.Provider, err = NewProvider(); err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	if r.App, err = r.Serve(App()); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	address, err := r.Serve(r.Provider.Handler())
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	r.Issuer = "http://" + address
	r.Provider.Issuer = r.Issuer
	return r, nil
}

// Note tells the user how far the run is.
func (r *Rig) Note(format string, args ...any) { fmt.Fprintf(r.notes, format+"\n", args...) }

// OnClose has f called at the end, before what was started earlier is ended.
func (r *Rig) OnClose(f func() error) { r.closers = append(r.closers, f) }

// Serve starts a server inside this process and returns its address.
func (r *Rig) Serve(handler http.Handler) (string, error) {
	address, server, err := Serve(handler)
	if err == nil {
		r.OnClose(server.Close)
	}
	return address, err
}

// Start runs a program on the core of the gateways until the end of the run. It waits until address takes connections.
func (r *Rig) Start(ctx context.Context, address string, env []string, name string, args ...string) (*Process, error) {
	p, err := Start(ctx, r.Core, address, env, name, args...)
	if err == nil {
		r.OnClose(p.Stop)
	}
	return p, err
}

// Home makes a directory for a process.
func (r *Rig) Home() (string, error) {
	r.homes++
	home := filepath.Join(r.Dir, strconv.Itoa(r.homes))
	return home, os.Mkdir(home, 0o700)
}

// Close ends everything that was started.
func (r *Rig) Close() error {
	var errs []error
	for _, f := range slices.Backward(r.closers) {
		errs = append(errs, f())
	}
	return errors.Join(append(errs, os.RemoveAll(r.Dir))...)
}
