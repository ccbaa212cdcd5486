package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A Gateway is a Caddy that runs, with its users.
type Gateway struct {
	Setup
	Addresses
	// Processes are all whose CPU counts, the gateway first.
	Processes []*Process
	People    []Person
	// Client loads it, once it has users.
	Client *Client
	// Begin starts its first process, and starts it again once it has ended.
	Begin func(context.Context) (*Process, error)
}

// Place makes a directory for a gateway, and finds free addresses for its site and its admin endpoint.
func (r *Rig) Place() (a Addresses, err error) {
	home, err := r.Home()
	if err != nil {
		return a, err
	}
	a = Addresses{App: r.App, Issuer: r.Issuer, Home: home, File: filepath.Join(home, "sessions.db")}
	if a.Site, err = FreeAddress(); err != nil {
		return a, err
	}
	a.Admin, err = FreeAddress()
	return a, err
}

// Gateway starts the gateway of a setup. redis is its store where the setup wants one, file what its file begins with where
// it does not; empty is an empty file.
func (r *Rig) Gateway(ctx context.Context, s Setup, redis *Redis, file string) (*Gateway, error) {
	a, err := r.Place()
	if err != nil {
		return nil, err
	}
	var stores []*Process
	switch {
	case s.InRedis:
		a.Redis, stores = redis.Address, []*Process{redis.Process}
	case !s.Plain && file != "":
		if err := copyFile(a.File, file); err != nil {
			return nil, err
		}
	}
	binary := r.Options.Binary
	switch {
	case s.Beside:
		binary = r.Options.Beside
	case s.Plain && !s.SameBinary:
		if binary, err = r.baseline(ctx); err != nil {
			return nil, err
		}
	}
	g, err := r.Caddy(ctx, binary, a, s.Caddyfile(a))
	if err != nil {
		return nil, err
	}
	g.Setup, g.Processes = s, append(g.Processes, stores...)
	return g, nil
}

// baseline is the program of that name, built if it was not.
func (r *Rig) baseline(ctx context.Context) (string, error) {
	if r.Options.Baseline != "" {
		return r.Options.Baseline, nil
	}
	home, err := r.Home()
	if err != nil {
		return "", err
	}
	program := filepath.Join(home, "baseline")
	r.Note("building bench/baseline")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags", "-w -s", "-o", program, "github.com/latchkey-gateway/latchkey/bench/baseline")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the baseline: %w\n%s", err, out)
	}
	r.Options.Baseline = program
	return program, nil
}

// Caddy starts a program that is a Caddy, with any configuration. It listens on the addresses Site and Admin.
func (r *Rig) Caddy(ctx context.Context, binary string, a Addresses, caddyfile string) (*Gateway, error) {
	config := filepath.Join(a.Home, "Caddyfile")
	if err := os.WriteFile(config, []byte(caddyfile), 0o600); err != nil {
		return nil, err
	}
	env := []string{"HOME=" + a.Home, "XDG_DATA_HOME=" + a.Home, "XDG_CONFIG_HOME=" + a.Home, "GOGC=" + r.Options.GOGC}
	start := func(ctx context.Context) (*Process, error) {
		program, err := r.Copy(binary)
		if err != nil {
			return nil, err
		}
		return r.Start(ctx, a.Site, env, program, "run", "--config", config, "--adapter", "caddyfile")
	}
	p, err := start(ctx)
	if err != nil {
		return nil, err
	}
	return &Gateway{Addresses: a, Processes: []*Process{p}, Begin: start}, nil
}

// Again ends a gateway and starts it again, with all that it has kept on disk. The luck that a process has is another then.
func (g *Gateway) Again(ctx context.Context) (err error) {
	if g.Client != nil {
		_ = g.Client.Close() // the server would do it
	}
	if err := g.Processes[0].Stop(); err != nil {
		return err
	}
	g.Processes[0], err = g.Begin(ctx)
	return err
}

// Copy is a copy of a program, which lies in other pages of memory than the program and earlier copies. It is the same one
// until Anew.
func (r *Rig) Copy(program string) (string, error) {
	if made := r.copies[program]; made != "" {
		return made, nil
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	home, err := r.Home()
	if err != nil {
		return "", err
	}
	made := filepath.Join(home, filepath.Base(path))
	if r.copies == nil {
		r.copies = map[string]string{}
	}
	r.copies[program] = made
	return made, os.WriteFile(made, data, 0o700) //nolint:gosec // a program
}

// Anew removes the copies of programs, so that those that start from now on have new ones.
func (r *Rig) Anew() error {
	var errs []error
	for _, made := range r.copies {
		errs = append(errs, os.RemoveAll(filepath.Dir(made)))
	}
	r.copies = nil
	return errors.Join(errs...)
}

// Use gives a gateway its users.
func (r *Rig) Use(g *Gateway, people []Person) {
	g.People = people
	g.Client = &Client{Address: g.Site, Requests: make([][]byte, len(people))}
	made := map[Person][]byte{} // a user may come many times
	for i, p := range people {
		request, ok := made[p]
		switch {
		case ok:
		case p.Token != "":
			request = ProgramRequest(g.Site, p.Token)
		default:
			request = BrowserRequest(g.Site, p.Cookies)
		}
		made[p], g.Client.Requests[i] = request, request
	}
	r.OnClose(g.Client.Close)
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
