package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// rig holds what lives for the length of a run.
type rig struct {
	options options
	dir     string
	// core is where the gateways live; -1 leaves that to the system.
	core   int
	notes  io.Writer
	app    string
	issuer string
	// provider is at issuer.
	provider *provider
	// homes counts the directories that were given out.
	homes int
	// closers end what was started, last first.
	closers []func() error
}

// A running case is a variant with its processes and its people.
type running struct {
	variant
	addresses
	processes []*process // the gateway first
	people    []person
	client    *client
}

// openRig pins what is to be pinned, and starts the app and the provider inside this process.
func openRig(o options, notes io.Writer) (_ *rig, err error) {
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return nil, err
	}
	r := &rig{options: o, dir: dir, core: -1, notes: notes}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if o.pin {
		if r.core, err = split(); err != nil {
			return nil, fmt.Errorf("pinning: %w", err)
		}
	}
	p, err := newProvider()
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	if r.app, err = r.serve(app()); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	address, err := r.serve(p.handler())
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	r.issuer = "http://" + address
	p.setIssuer(r.issuer)
	r.provider = p
	return r, nil
}

func (r *rig) serve(handler http.Handler) (string, error) {
	address, server, err := serve(handler)
	if err == nil {
		r.closers = append(r.closers, server.Close)
	}
	return address, err
}

func (r *rig) close() error {
	var errs []error
	for _, f := range slices.Backward(r.closers) {
		errs = append(errs, f())
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

// home makes a directory for a process.
func (r *rig) home() (string, error) {
	r.homes++
	home := filepath.Join(r.dir, strconv.Itoa(r.homes))
	return home, os.Mkdir(home, 0o700)
}

// gateway starts a gateway. redis is its store where the variant wants one, file what its file begins with where it does
// not; empty is an empty file.
func (r *rig) gateway(ctx context.Context, v variant, redis *server, file string) (*running, error) {
	home, err := r.home()
	if err != nil {
		return nil, err
	}
	c := &running{variant: v, addresses: addresses{app: r.app, issuer: r.issuer, file: filepath.Join(home, "sessions.db")}}
	if c.site, err = freeAddress(); err != nil {
		return nil, err
	}
	if c.admin, err = freeAddress(); err != nil {
		return nil, err
	}
	switch {
	case v.plain:
	case v.inRedis:
		c.redis = redis.address
	case file != "":
		if err := copyFile(c.file, file); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(config, []byte(c.caddyfile(c.addresses)), 0o600); err != nil {
		return nil, err
	}
	env := []string{"HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CONFIG_HOME=" + home, "GOGC=" + r.options.gogc}
	binary := r.options.binary
	if v.beside {
		binary = r.options.beside
	}
	p, err := start(ctx, r.core, c.site, env, binary, "run", "--config", config, "--adapter", "caddyfile")
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, p.stop)
	c.processes = []*process{p}
	if v.inRedis {
		c.processes = append(c.processes, redis.process)
	}
	return c, nil
}

// use gives a case its people.
func (r *rig) use(c *running, people []person) {
	c.people = people
	c.client = &client{address: c.site, burst: c.burst, requests: make([][]byte, len(people))}
	for i, p := range people {
		if c.client.requests[i] = browserRequest(c.site, p.cookies); p.token != "" {
			c.client.requests[i] = programRequest(c.site, p.token)
		}
	}
	r.closers = append(r.closers, c.client.close)
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// A server is a Redis of this run.
type server struct {
	address string
	process *process
}

func (r *rig) startRedis(ctx context.Context) (*server, error) {
	home, err := r.home()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, r.core, address, nil, r.options.redis,
		"--bind", host, "--port", port, "--dir", home, "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, p.stop)
	return &server{address: address, process: p}, nil
}
