package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
	"github.com/latchkey-gateway/latchkey/session"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "tokens",
		Usage: "create|list|revoke ... [--address <listen>] [--config <path> [--adapter <name>]]",
		Short: "Makes, lists and revokes the tokens with which programs use an app",
		Long: `
  create --app <name> --name <name> --service <name> [--group <name>...]
                   makes a token for a service, with these groups
  create --app <name> --name <name> --user <name>
                   makes a token for a user, who has a session or a token
  list             shows the tokens; --user, --service and --app choose
  revoke <id>...   ends these tokens; -- goes in front of an id that begins
                   with a hyphen

A token is for one app, whose site says "tokens on". It ends after 90 days,
or at --expires: 30d, 2027-01-31 or 2027-01-31T12:00:00Z, in a year at the
latest. create prints the token alone, and prints it once:

  TOKEN=$(latchkey tokens create --app git --name nightly --service backup)`,
		CobraFunc: setUpTokens,
	})
}

// tokensCommand is `latchkey tokens create`, `list` or `revoke`.
type tokensCommand struct {
	server             adminapi.Client
	user, service, app string
	groups             []string
	name, expires      string
	json               bool
	out, warn          io.Writer
}

func setUpTokens(cmd *cobra.Command) {
	create, list, revoke := new(tokensCommand), new(tokensCommand), new(tokensCommand)
	run := func(c *tokensCommand, do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
		return interruptible(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			c.out, c.warn = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return do(ctx, args)
		})
	}
	creating := &cobra.Command{Use: "create", Short: "Makes a token", Args: cobra.NoArgs, RunE: run(create, create.create)}
	listing := &cobra.Command{Use: "list", Short: "Shows tokens", Args: cobra.NoArgs, RunE: run(list, list.list)}
	revoking := &cobra.Command{Use: "revoke <id>...", Short: "Ends tokens", Args: cobra.MinimumNArgs(1), RunE: run(revoke, revoke.revoke)}
	revoking.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w; the id of a token may begin with a hyphen: write -- in front of such ids", err)
	})
	f := creating.Flags()
	f.StringVarP(&create.user, "user", "u", "", "for the user with this user name, mail address or subject")
	f.StringVar(&create.service, "service", "", "for this service, which policies know as the user service:<name>")
	f.StringArrayVarP(&create.groups, "group", "g", nil, "with --service: a group of it; repeatable")
	f.StringVar(&create.app, "app", "", "the app for which the token is good")
	f.StringVar(&create.name, "name", "", "what the token is called in lists")
	f.StringVar(&create.expires, "expires", "", "when it ends: 30d, 2027-01-31 or 2027-01-31T12:00:00Z; default 90d")
	f = listing.Flags()
	f.StringVarP(&list.user, "user", "u", "", "those of this user name, mail address or subject")
	f.StringVar(&list.service, "service", "", "those of this service")
	f.StringVar(&list.app, "app", "", "those for this app")
	for cmd, c := range map[*cobra.Command]*tokensCommand{creating: create, listing: list, revoking: revoke} {
		cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
		c.server.Flags(cmd.Flags())
	}
	subcommands(cmd, creating, listing, revoking)
}

func (c *tokensCommand) create(ctx context.Context, _ []string) error {
	ask := adminapi.NewToken{Service: c.service, Groups: c.groups, App: c.app, Name: c.name, Expires: c.expires}
	if (c.user == "") == (c.service == "") {
		return errors.New("say for whom the token is: --user or --service, one of them")
	}
	if c.user != "" {
		who, err := c.oneUser(ctx)
		if err != nil {
			return err
		}
		ask.Issuer, ask.Subject = who.Issuer, who.Subject
	}
	var made adminapi.MadeToken
	if err := c.server.Ask(ctx, http.MethodPost, adminapi.TokensPath, nil, ask, &made); err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.out, made)
	}
	if _, err := fmt.Fprintln(c.out, made.Token); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.warn, "token %s ends %s; it is not shown again\n", made.ID, moment(made.Expires))
	return nil
}

// oneUser returns the only user that is called by a name.
func (c *tokensCommand) oneUser(ctx context.Context) (who session.Identity, err error) {
	users, unreadable, err := usersCalled(ctx, &c.server, c.user)
	switch {
	case err != nil:
		return who, err
	case len(users) == 1:
		return users[0], nil
	case len(users) > 1:
		return who, fmt.Errorf("%d users are called %q: use the subject of one, as `latchkey sessions list --json` has it", len(users), c.user)
	case unreadable > 0:
		return who, fmt.Errorf("no user %q has a session or a token that can be read; %d cannot be, because their keys are gone", c.user, unreadable)
	}
	return who, fmt.Errorf("no user %q has a session or a token: they must sign in once", c.user)
}

// usersCalled returns the users with a session or a token that are called by a name.
func usersCalled(ctx context.Context, server *adminapi.Client, name string) (users []session.Identity, unreadable int, err error) {
	add := func(issuer, subject string) {
		if who := (session.Identity{Issuer: issuer, Subject: subject}); !slices.Contains(users, who) {
			users = append(users, who)
		}
	}
	sessions := sessionsCommand{server: *server, user: name}
	_, err = sessions.pages(ctx, 0, func(page adminapi.SessionsAnswer) error {
		unreadable += page.Unreadable
		for _, s := range page.Sessions {
			add(s.Issuer, s.Subject)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	tokens := tokensCommand{server: *server, user: name}
	err = tokens.pages(ctx, func(page adminapi.TokensAnswer) error {
		unreadable += page.Unreadable
		for _, t := range page.Tokens {
			add(t.Issuer, t.Subject)
		}
		return nil
	})
	return users, unreadable, err
}

// pages calls visit with the selected tokens, one page at a time.
func (c *tokensCommand) pages(ctx context.Context, visit func(adminapi.TokensAnswer) error) error {
	for cursor := ""; ; {
		query := url.Values{"limit": {strconv.Itoa(adminapi.MaxTokensListed)}}
		for name, value := range map[string]string{"user": c.user, "service": c.service, "app": c.app, "cursor": cursor} {
			if value != "" {
				query.Set(name, value)
			}
		}
		var page adminapi.TokensAnswer
		if err := c.server.Get(ctx, adminapi.TokensPath, query, &page); err != nil {
			return err
		}
		if err := visit(page); err != nil {
			return err
		}
		if cursor = page.Cursor; cursor == "" {
			return nil
		}
	}
}

func (c *tokensCommand) list(ctx context.Context, _ []string) error {
	unreadable := 0
	table := terminal.Table{Out: c.out, Head: []string{"ID", "NAME", "APP", "USER", "CREATED", "EXPIRES", "LAST USED", "IP"}}
	err := c.pages(ctx, func(page adminapi.TokensAnswer) error {
		unreadable += page.Unreadable
		if c.json {
			return writeLines(c.out, page.Tokens)
		}
		var rows [][]string
		for _, t := range page.Tokens {
			rows = append(rows, []string{
				t.ID, t.Name, t.App, t.Whose(), moment(t.Created), moment(t.Expires), momentOrDash(t.LastUsed), orDash(t.LastIP),
			})
		}
		return table.Print(rows)
	})
	if err == nil && unreadable > 0 {
		_, _ = fmt.Fprintf(c.warn, "%d tokens could not be opened: their keys are gone\n", unreadable)
	}
	return err
}

func momentOrDash(t *time.Time) string {
	if t == nil {
		return orDash("")
	}
	return moment(*t)
}

func (c *tokensCommand) revoke(ctx context.Context, ids []string) error {
	var total adminapi.EndedAnswer
	var failed []error
	for _, id := range ids {
		var done adminapi.EndedAnswer
		failed = append(failed, c.server.Ask(ctx, http.MethodDelete, adminapi.TokensPath+"/"+url.PathEscape(id), nil, nil, &done))
		total.Ended += done.Ended
	}
	if c.json {
		return errors.Join(append(failed, writeJSON(c.out, total))...)
	}
	_, err := fmt.Fprintf(c.out, "%d ended\n", total.Ended)
	return errors.Join(append(failed, err)...)
}
