package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
	cases  []*running
	// closers end what was started, last first.
	closers []func() error
}

// A running case is a variant with its processes and its people.
type running struct {
	variant
	site      string
	admin     string
	processes []*process // the gateway first
	signedIn  []signedIn
}

// open starts the app and the provider inside this process.
func (r *rig) open() error {
	p, err := newProvider()
	if err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	if r.app, err = r.serve(app()); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	address, err := r.serve(p.handler())
	if err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	r.issuer = "http://" + address
	p.setIssuer(r.issuer)
	return nil
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

// add starts a case and signs everybody in.
func (r *rig) add(ctx context.Context, v variant) (signInCost, error) {
	c := &running{variant: v}
	r.cases = append(r.cases, c)
	home := filepath.Join(r.dir, strconv.Itoa(len(r.cases)))
	if err := os.Mkdir(home, 0o700); err != nil {
		return signInCost{}, err
	}
	var redis *process
	a := addresses{app: r.app, issuer: r.issuer}
	if v.redis {
		var err error
		if a.redis, redis, err = r.startRedis(ctx, home); err != nil {
			return signInCost{}, err
		}
	}
	gateway, err := r.startGateway(ctx, c, home, a)
	if err != nil {
		return signInCost{}, err
	}
	c.processes = append(c.processes, gateway)
	if redis != nil {
		c.processes = append(c.processes, redis)
	}
	if v.plain {
		return signInCost{}, nil
	}
	fmt.Fprintf(r.notes, "%s: %d people sign in\n", v.name, r.options.sessions)
	return r.signIn(ctx, c, a.redis)
}

func (r *rig) startGateway(ctx context.Context, c *running, home string, a addresses) (*process, error) {
	var err error
	if a.site, err = freeAddress(); err != nil {
		return nil, err
	}
	if r.options.profile != "" {
		if a.admin, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	c.site, c.admin = a.site, a.admin
	config := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(config, []byte(c.caddyfile(a)), 0o600); err != nil {
		return nil, err
	}
	env := []string{"HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CONFIG_HOME=" + home, "GOGC=" + r.options.gogc}
	p, err := start(ctx, r.core, a.site, env, r.options.binary, "run", "--config", config, "--adapter", "caddyfile")
	if err == nil {
		r.closers = append(r.closers, p.stop)
	}
	return p, err
}

func (r *rig) startRedis(ctx context.Context, home string) (string, *process, error) {
	address, err := freeAddress()
	if err != nil {
		return "", nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", nil, err
	}
	p, err := start(ctx, r.core, address, nil, r.options.redis,
		"--bind", host, "--port", port, "--dir", home, "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err == nil {
		r.closers = append(r.closers, p.stop)
	}
	return address, p, err
}

// signIn makes the sessions of a case and says what that cost.
func (r *rig) signIn(ctx context.Context, c *running, redis string) (signInCost, error) {
	cost := signInCost{name: c.name, sessions: r.options.sessions}
	if err := awaitSignIn(ctx, c.site); err != nil {
		return cost, err
	}
	before, err := c.usage()
	if err != nil {
		return cost, err
	}
	if cost.before, err = c.processes[0].memory(); err != nil {
		return cost, err
	}
	keptBefore, err := redisMemory(ctx, redis)
	if err != nil {
		return cost, err
	}
	if c.signedIn, err = signInAll(ctx, c.site, r.options.sessions); err != nil {
		return cost, err
	}
	after, err := c.usage()
	if err != nil {
		return cost, err
	}
	keptAfter, err := redisMemory(ctx, redis)
	if err != nil {
		return cost, err
	}
	cost.after, err = c.processes[0].memory()
	cost.cpu, cost.redis = after.own-before.own, keptAfter-keptBefore
	cost.requests, cost.cookie = c.signedIn[0].requests, len(c.signedIn[0].cookies)
	return cost, err
}

var usedMemory = regexp.MustCompile(`(?m)^used_memory:(\d+)`)

// redisMemory asks Redis what its data takes; nothing without a Redis.
func redisMemory(ctx context.Context, address string) (int64, error) {
	if address == "" {
		return 0, nil
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, "INFO memory\r\n"); err != nil {
		return 0, err
	}
	reader := bufio.NewReader(conn)
	head, err := reader.ReadString('\n')
	if err != nil {
		return 0, err
	}
	length, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "$")))
	if err != nil {
		return 0, fmt.Errorf("asking Redis for its memory: %q", head)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(reader, body); err != nil {
		return 0, err
	}
	found := usedMemory.FindSubmatch(body)
	if found == nil {
		return 0, errors.New("redis does not say how much memory it uses")
	}
	return strconv.ParseInt(string(found[1]), 10, 64)
}
