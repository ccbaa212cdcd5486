package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name: "sign-ins",
		Usage: "[--user <name>] [--app <app>] [--code <number>] [--status <word>] [--since <time>] [--until <time>] " +
			"[--limit <n>] [--follow] [--json] [--address <listen>] [--config <path> [--adapter <name>]]",
		Short: "Shows who signed in, who was refused, and why",
		Long: `
Asks a running server for its sign-in log and prints it, the newest entry first.
With --follow it prints the last entries the oldest first, and then each new one
as it comes, until Ctrl-C.

--since and --until take a time such as 2026-11-23T10:00:00Z, or how long ago it
was, such as 24h or 7d. --user takes a user name, or the user's id. --code takes
an error code, such as 50140 for an abandoned prompt or 53003 for a policy that
blocks; 0 is success. --json prints one object a line.

The server is found at its admin address: --address, or the one in --config, or
` + caddy.DefaultAdminListen + `. The exit status is 0 also if nothing matches, and 1 if the
log could not be read.`,
		CobraFunc: func(cmd *cobra.Command) { new(signInsCommand).setUp(cmd) },
	})
}

// signInsCommand is `latchkey sign-ins`.
type signInsCommand struct {
	server adminapi.Client
	// The values of the flags with these names.
	user, app, code, status, correlation, since, until string
	limit                                              int
	json, follow                                       bool

	poll time.Duration
	out  signInsPrinter
	warn io.Writer
}

const (
	// signInsPoll is the pause between two queries for new entries. longestPoll is the longest pause while the server
	// is unavailable.
	signInsPoll = time.Second
	longestPoll = 10 * time.Second
	// defaultTail is how many existing entries --follow shows first.
	defaultTail = 10
)

func (c *signInsCommand) setUp(cmd *cobra.Command) {
	c.poll = signInsPoll
	f := cmd.Flags()
	f.StringVarP(&c.user, "user", "u", "", "a user name or a user's id")
	f.StringVar(&c.app, "app", "", "an app")
	f.StringVar(&c.code, "code", "", "an error code; 0 is success")
	f.StringVar(&c.status, "status", "", "success, failure or interrupted")
	f.StringVar(&c.correlation, "correlation", "", "the entries of one sign-in, by their correlation id")
	f.StringVar(&c.since, "since", "", "not before this time, or not longer ago")
	f.StringVar(&c.until, "until", "", "before this time, or longer ago")
	f.IntVarP(&c.limit, "limit", "n", signinlog.DefaultLimit, "print so many at most, with --follow so many old ones (default "+strconv.Itoa(defaultTail)+"); 0 for all")
	f.BoolVarP(&c.follow, "follow", "f", false, "go on and print what comes")
	f.BoolVar(&c.json, "json", false, "print JSON, one object a line")
	c.server.Flags(f)
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if c.follow && !f.Changed("limit") {
			c.limit = defaultTail
		}
		c.warn = cmd.ErrOrStderr()
		c.out = newSignInsTable(cmd.OutOrStdout())
		if c.json {
			c.out = signInsLines{cmd.OutOrStdout()}
		}
		return c.run(ctx)
	}
}

func (c *signInsCommand) run(ctx context.Context) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	if c.follow {
		err = c.followLog(ctx, query)
	} else {
		err = c.readLog(ctx, query, c.out.show)
	}
	if ctx.Err() != nil {
		return nil // Ctrl-C is the normal end
	}
	return err
}

// query checks the flags by the rules of the API. It converts relative times to absolute ones, because one answer has
// many pages.
func (c *signInsCommand) query() (url.Values, error) {
	now := time.Now()
	flags, query := adminapi.Parameters{}, url.Values{}
	for name, text := range map[string]string{
		"user": c.user, "app": c.app, "code": c.code, "status": c.status, "correlation": c.correlation, "since": c.since, "until": c.until,
	} {
		if text == "" {
			continue
		}
		if name == "since" || name == "until" {
			t, err := adminapi.ParseMoment(text, now)
			if err != nil {
				return nil, fmt.Errorf("--%s: %w", name, err)
			}
			text = t.UTC().Format(time.RFC3339Nano)
		}
		flags[name] = text
		query.Set(name, text)
	}
	if c.limit < 0 {
		return nil, errors.New("--limit: a number of entries, or 0 for all")
	}
	if _, err := adminapi.SignInsQuery(flags); err != nil {
		var bad caddy.APIError
		errors.As(err, &bad)
		return nil, fmt.Errorf("--%w", bad.Err)
	}
	return query, nil
}

func (c *signInsCommand) page(ctx context.Context, query url.Values, key, cursor string, limit int) (a adminapi.SignInsAnswer, err error) {
	q := url.Values{}
	for name, values := range query {
		q[name] = values
	}
	if cursor != "" {
		q.Set(key, cursor)
	}
	q.Set("limit", strconv.Itoa(limit))
	err = c.server.Get(ctx, adminapi.SignInsPath, q, &a)
	return a, err
}

// readLog calls show with the matching entries, newest first, one page at a time.
func (c *signInsCommand) readLog(ctx context.Context, query url.Values, show func([]signinlog.Entry) error) error {
	cursor, unreadable := "", 0
	for left := c.limit; ; {
		limit := signinlog.MaxLimit
		if c.limit > 0 {
			limit = min(limit, left)
		}
		a, err := c.page(ctx, query, "cursor", cursor, limit)
		if err != nil {
			return err
		}
		if err := show(a.Entries); err != nil {
			return err
		}
		unreadable += a.Unreadable
		left -= len(a.Entries)
		if cursor = a.Cursor; cursor == "" || c.limit > 0 && left <= 0 {
			break
		}
	}
	if unreadable > 0 {
		c.warnf("%d entries could not be opened: their keys are gone", unreadable)
	}
	return nil
}

// followLog prints the last entries and then each new entry once. An entry that is in two answers is printed once.
func (c *signInsCommand) followLog(ctx context.Context, query url.Values) error {
	now, err := c.page(ctx, nil, "after", signinlog.FollowEnd, 1)
	if err != nil {
		return err
	}
	var old []signinlog.Entry
	if err := c.readLog(ctx, query, func(es []signinlog.Entry) error { old = append(old, es...); return nil }); err != nil {
		return err
	}
	slices.Reverse(old)
	if err := c.out.show(old); err != nil {
		return err
	}
	printed := make(map[string]bool, len(old))
	for _, e := range old {
		printed[e.ID] = true
	}
	cursor, failures, backoff := now.Cursor, 0, retry.Backoff{First: 2 * c.poll, Longest: longestPoll}
	for {
		wait := c.poll
		a, err := c.page(ctx, query, "after", cursor, signinlog.MaxLimit)
		switch {
		case err == nil:
			failures, cursor = 0, a.Cursor
			fresh := slices.DeleteFunc(a.Entries, func(e signinlog.Entry) bool { return printed[e.ID] })
			if err := c.out.show(fresh); err != nil {
				return err
			}
			if a.More {
				continue
			}
			printed = nil
		case ctx.Err() != nil || !adminapi.Temporary(err):
			return err
		default:
			if failures++; failures == 1 {
				c.warnf("%v; will retry", err)
			}
			wait = backoff.After(failures)
		}
		if !retry.Sleep(ctx, wait) {
			return nil
		}
	}
}

func (c *signInsCommand) warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(c.warn, format+"\n", args...)
}

// signInsPrinter prints entries in the order of its calls.
type signInsPrinter interface {
	show(entries []signinlog.Entry) error
}

// signInsLines prints one JSON object per line.
type signInsLines struct{ w io.Writer }

func (p signInsLines) show(entries []signinlog.Entry) error { return writeLines(p.w, entries) }
