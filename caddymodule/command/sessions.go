package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "sessions",
		Usage: "list|revoke ... [--address <listen>] [--config <path> [--adapter <name>]]",
		Short: "Shows who is signed in, and ends sessions",
		Long: `
  list             live sessions; --user, --group and --provider choose
  revoke <id>...   ends these sessions; -- goes in front of an id that begins
                   with a hyphen
  revoke --user <name>
                   ends the sessions of a user, and the tokens that the user
                   has made for programs
  revoke --group <name>
                   ends the sessions of all members of a group
  revoke --provider <name>|--app <name>|--all [--before <time>]
                   ends what began until now, or before a time such as
                   2026-11-23T10:00:00Z or 24h (ago)

What is revoked is refused at the next request on this server, and within
milliseconds on others. If the store cannot be asked it is an error: what this
command reports as ended, is.`,
		CobraFunc: setUpSessions,
	})
}

// sessionsCommand is `latchkey sessions list` or `revoke`.
type sessionsCommand struct {
	server                adminapi.Client
	user, group, provider string
	json                  bool
	out                   io.Writer

	limit  int
	cursor string

	app, before string
	all         bool
}

func setUpSessions(cmd *cobra.Command) {
	list, revoke := new(sessionsCommand), new(sessionsCommand)
	listing := &cobra.Command{
		Use: "list", Short: "Shows live sessions", Args: cobra.NoArgs,
		RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			list.out = cmd.OutOrStdout()
			return list.list(ctx, cmd.ErrOrStderr())
		}),
	}
	revoking := &cobra.Command{
		Use: "revoke [<id>...]", Short: "Ends sessions",
		RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			revoke.out = cmd.OutOrStdout()
			return revoke.revoke(ctx, args)
		}),
	}
	revoking.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w; the id of a session may begin with a hyphen: write -- in front of such ids", err)
	})
	choice := func(c *sessionsCommand, f *pflag.FlagSet, what string) {
		f.StringVarP(&c.user, "user", "u", "", what+" of this user name, mail address or subject")
		f.StringVarP(&c.group, "group", "g", "", what+" of members of this group")
		f.StringVar(&c.provider, "provider", "", what+" that began at this provider")
		f.BoolVar(&c.json, "json", false, "print JSON")
		c.server.Flags(f)
	}
	choice(list, listing.Flags(), "those")
	listing.Flags().IntVarP(&list.limit, "limit", "n", 0, "print so many at most; 0 for all")
	listing.Flags().StringVar(&list.cursor, "cursor", "", "go on behind where an earlier list ended")
	choice(revoke, revoking.Flags(), "end those")
	revoking.Flags().StringVar(&revoke.app, "app", "", "sessions are not taken at this app any more")
	revoking.Flags().StringVar(&revoke.before, "before", "", "with --provider, --app or --all: only what began before this time, or longer ago")
	revoking.Flags().BoolVar(&revoke.all, "all", false, "end those of all users")
	subcommands(cmd, listing, revoking)
}

// pages calls visit with the selected sessions, one page at a time, until visit stops it. It returns where to continue.
func (c *sessionsCommand) pages(ctx context.Context, limit int, visit func(adminapi.SessionsAnswer) error) (cursor string, err error) {
	cursor = c.cursor
	for left := limit; ; {
		query := url.Values{"limit": {strconv.Itoa(adminapi.MaxSessionsListed)}}
		if limit > 0 {
			query.Set("limit", strconv.Itoa(min(left, adminapi.MaxSessionsListed)))
		}
		for name, value := range map[string]string{"user": c.user, "group": c.group, "provider": c.provider, "cursor": cursor} {
			if value != "" {
				query.Set(name, value)
			}
		}
		var page adminapi.SessionsAnswer
		if err := c.server.Get(ctx, adminapi.SessionsPath, query, &page); err != nil {
			return "", err
		}
		if err := visit(page); err != nil {
			return "", err
		}
		left -= len(page.Sessions)
		if cursor = page.Cursor; cursor == "" || limit > 0 && left <= 0 {
			return cursor, nil
		}
	}
}

func (c *sessionsCommand) list(ctx context.Context, warn io.Writer) error {
	if c.limit < 0 {
		return errors.New("--limit: a number of sessions, or 0 for all")
	}
	unreadable := 0
	table := terminal.Table{Out: c.out, Head: []string{"ID", "USER", "KIND", "PROVIDER", "BEGAN", "LAST USED", "ENDS", "IP", "APPS"}}
	next, err := c.pages(ctx, c.limit, func(page adminapi.SessionsAnswer) error {
		unreadable += page.Unreadable
		if c.json {
			return writeLines(c.out, page.Sessions)
		}
		var rows [][]string
		for _, s := range page.Sessions {
			rows = append(rows, []string{
				s.ID, orDash(s.User, s.Subject), s.Life(), s.Provider, moment(s.Created), moment(s.LastUsed), moment(s.Ends), orDash(s.IP),
				orDash(strings.Join(s.Apps, ",")),
			})
		}
		return table.Print(rows)
	})
	if err != nil {
		return err
	}
	if unreadable > 0 {
		_, _ = fmt.Fprintf(warn, "%d sessions could not be opened: their keys are gone\n", unreadable)
	}
	if next != "" {
		_, _ = fmt.Fprintf(warn, "there are more: --cursor %s\n", next)
	}
	return nil
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }

// writeLines prints one JSON object per line.
func writeLines[T any](w io.Writer, items []T) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, item := range items {
		if err := encoder.Encode(item); err != nil {
			return err
		}
	}
	return nil
}

var errWhose = errors.New("say whose sessions: one or more ids, --user, --group, --provider, --app or --all, one of them")

// revoke ends the sessions that the arguments name. Without arguments it ends none.
func (c *sessionsCommand) revoke(ctx context.Context, ids []string) error {
	named := 0
	for _, is := range []bool{len(ids) > 0, c.user != "", c.group != "", c.provider != "", c.app != "", c.all} {
		if is {
			named++
		}
	}
	if named != 1 {
		return errWhose
	}
	switch {
	case c.before != "" && (len(ids) > 0 || c.user != "" || c.group != ""):
		return errors.New("--before goes with --provider, --app or --all")
	case len(ids) > 0:
		return c.end(ctx, ids)
	case c.user != "":
		return c.endUsers(ctx)
	case c.group != "":
		return c.endChosen(ctx)
	}
	before := c.before
	if before == "" {
		before = "0s"
	}
	if _, err := adminapi.ParseMoment(before, time.Now()); err != nil {
		return fmt.Errorf("--before: %w", err)
	}
	var done struct {
		Before time.Time `json:"before"`
	}
	err := c.server.Ask(ctx, http.MethodPost, "/latchkey/revoke-before", nil, adminapi.Revocation{Before: before, Provider: c.provider, App: c.app}, &done)
	if err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.out, done)
	}
	_, err = fmt.Fprintf(c.out, "what began before %s is over\n", done.Before.Format(time.RFC3339Nano))
	return err
}

// endChosen ends the sessions that the flags select. It lists them first. It continues after errors, so that the report
// counts everything that was ended.
func (c *sessionsCommand) endChosen(ctx context.Context) error {
	var ids []string
	unreadable := 0
	_, err := c.pages(ctx, 0, func(page adminapi.SessionsAnswer) error {
		unreadable += page.Unreadable
		for _, s := range page.Sessions {
			ids = append(ids, s.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.end(ctx, ids)
	if unreadable > 0 {
		err = errors.Join(err, fmt.Errorf("whose %d other sessions are is not known: their keys are not in the key ring", unreadable))
	}
	return err
}

func (c *sessionsCommand) end(ctx context.Context, ids []string) error {
	ended := 0
	var failed []error
	for _, id := range ids {
		var done adminapi.EndedAnswer
		err := c.server.Ask(ctx, http.MethodDelete, adminapi.SessionsPath+"/"+url.PathEscape(id), nil, nil, &done)
		var gone *adminapi.Refusal
		switch {
		case err == nil:
			ended += done.Ended
		case errors.As(err, &gone) && gone.Status == http.StatusNotFound && c.group != "":
			// The session has ended since it was listed.
		default:
			failed = append(failed, err)
		}
	}
	return errors.Join(append(failed, c.report(adminapi.EndedAnswer{Ended: ended}))...)
}

func (c *sessionsCommand) report(done adminapi.EndedAnswer) error {
	if c.json {
		return writeJSON(c.out, done)
	}
	text := fmt.Sprintf("%d ended", done.Ended)
	if done.Tokens > 0 {
		text = fmt.Sprintf("%s, and %d tokens", text, done.Tokens)
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}

// endUsers ends the sessions and the tokens of the users that are called by a name. It continues after errors, so that the
// report counts everything that was ended.
func (c *sessionsCommand) endUsers(ctx context.Context) error {
	users, unreadable, err := usersCalled(ctx, &c.server, c.user)
	if err != nil {
		return err
	}
	var total adminapi.EndedAnswer
	var failed []error
	for _, user := range users {
		var done adminapi.EndedAnswer
		err := c.server.Ask(ctx, http.MethodDelete, adminapi.PersonPath(user.Issuer, user.Subject), nil, nil, &done)
		failed = append(failed, err)
		total.Ended += done.Ended
		total.Tokens += done.Tokens
	}
	if unreadable > 0 {
		failed = append(failed, fmt.Errorf("whose %d other sessions and tokens are is not known: their keys are not in the key ring", unreadable))
	}
	return errors.Join(append(failed, c.report(total))...)
}
