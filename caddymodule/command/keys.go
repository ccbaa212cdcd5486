package command

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "keys",
		Usage: "list|rotate|retire <id> [--address <listen>] [--config <path> [--adapter <name>]]",
		Short: "Shows, rotates and retires the keys that seal cookies and sessions",
		Long: `
The key ring seals cookies and everything in the store. One key seals. The older
ones open what they have sealed, and retire by themselves when nothing can need
them any more. No command ever prints a key.

  list         the keys, how old they are and how many sessions need each
  rotate       makes a new key. It opens at once, and seals in three minutes, when
               every server knows it; with --now it seals at once
  retire <id>  takes out an older key before its time; refused while sessions
               need it, unless --force, which ends them

Where the configuration lists the keys (keys <secret>...), rotate says what to do
instead.`,
		CobraFunc: setUpKeys,
	})
}

// keysCommand is `latchkey keys`.
type keysCommand struct {
	server      adminapi.Client
	json, force bool
	now         bool
	noCount     bool
}

func setUpKeys(cmd *cobra.Command) {
	list, rotate, retire := new(keysCommand), new(keysCommand), new(keysCommand)
	listing := &cobra.Command{
		Use: "list", Short: "Shows the keys, and how many sessions need each", Args: cobra.NoArgs,
		RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			return list.list(ctx, cmd.OutOrStdout())
		}),
	}
	listing.Flags().BoolVar(&list.noCount, "no-count", false, "do not count sessions, which reads them all")
	rotating := &cobra.Command{
		Use: "rotate", Short: "Makes a new key, which seals when every server knows it", Args: cobra.NoArgs,
		RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			return rotate.rotate(ctx, cmd.OutOrStdout())
		}),
	}
	rotating.Flags().BoolVar(&rotate.now, "now", false, "seal with it at once: the present key must not seal any more")
	retiring := &cobra.Command{
		Use: "retire <id>", Short: "Takes an older key out before its time", Args: cobra.ExactArgs(1),
		RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			return retire.retire(ctx, cmd.OutOrStdout(), args[0])
		}),
	}
	retiring.Flags().BoolVar(&retire.force, "force", false, "even if sessions need it, which ends them")
	retire.server.Patience = adminapi.RetireTimeout + adminapi.AdminPatience
	for sub, c := range map[*cobra.Command]*keysCommand{listing: list, rotating: rotate, retiring: retire} {
		c.server.Flags(sub.Flags())
		sub.Flags().BoolVar(&c.json, "json", false, "print JSON")
	}
	subcommands(cmd, listing, rotating, retiring)
}

// subcommands makes a command that only has subcommands. A missing or unknown subcommand is an error; cobra alone would
// print the help and report success.
func subcommands(cmd *cobra.Command, subs ...*cobra.Command) {
	var names []string
	for _, sub := range subs {
		names = append(names, sub.Name())
		cmd.AddCommand(sub)
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s: say one of %v", cmd.Name(), names)
		}
		return fmt.Errorf("%s: unknown command %q%s", cmd.Name(), args[0], config.Suggest(args[0], names))
	}
}

// interruptible cancels the context of a command on Ctrl-C.
func interruptible(run func(context.Context, *cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx, cmd, args)
	}
}

// countedKey is a key with the number of sessions that need it.
type countedKey struct {
	adminapi.KeyEntry
	Sessions *int `json:"sessions,omitempty"`
}

// keysReport is the JSON output of list.
type keysReport struct {
	Source string       `json:"source"`
	Keys   []countedKey `json:"keys"`
	// Others counts sessions that need a key that is not in the ring. Unreadable counts sessions that cannot be read.
	Others     int `json:"others,omitempty"`
	Unreadable int `json:"unreadable,omitempty"`
}

func (c *keysCommand) report(ctx context.Context) (*keysReport, error) {
	var keys adminapi.KeysAnswer
	if err := c.server.Get(ctx, adminapi.KeysPath, nil, &keys); err != nil {
		return nil, err
	}
	report := &keysReport{Source: keys.Source}
	counts := map[string]int{}
	for cursor := ""; !c.noCount; {
		query := url.Values{}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var part adminapi.KeySessionsAnswer
		if err := c.server.Get(ctx, adminapi.KeysPath+"/sessions", query, &part); err != nil {
			return nil, err
		}
		for id, n := range part.Sessions {
			counts[id] += n
		}
		report.Unreadable += part.Unreadable
		if cursor = part.Cursor; cursor == "" {
			break
		}
	}
	for _, k := range keys.Keys {
		counted := countedKey{KeyEntry: k}
		if n := counts[k.ID]; !c.noCount {
			counted.Sessions = &n
			delete(counts, k.ID)
		}
		report.Keys = append(report.Keys, counted)
	}
	for _, n := range counts {
		report.Others += n
	}
	return report, nil
}

func (c *keysCommand) list(ctx context.Context, w io.Writer) error {
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return writeJSON(w, report)
	}
	var rows [][]string
	use := "waits"
	for _, k := range report.Keys {
		sessions, made, from, retires := "-", "-", "-", "-"
		if k.Seals {
			use = "seals"
		}
		if k.Sessions != nil {
			sessions = strconv.Itoa(*k.Sessions)
		}
		if k.Created != nil {
			made = k.Created.UTC().Format(time.RFC3339)
		}
		if k.SealsFrom != nil {
			from = k.SealsFrom.UTC().Format(time.RFC3339)
		}
		if k.Retires != nil {
			retires = k.Retires.UTC().Format(time.DateOnly)
		}
		rows = append(rows, []string{k.ID, made, from, use, sessions, retires})
		if k.Seals {
			use = "opens"
		}
	}
	table := terminal.Table{Out: w, Head: []string{"KEY", "MADE", "SEALS", "USE", "SESSIONS", "RETIRES"}}
	if err := table.Print(rows); err != nil {
		return err
	}
	if report.Unreadable > 0 {
		_, err = fmt.Fprintf(w, "%d sessions cannot be opened: their keys are gone\n", report.Unreadable)
	}
	return err
}

func (c *keysCommand) rotate(ctx context.Context, w io.Writer) error {
	var made adminapi.KeyEntry
	if err := c.server.Ask(ctx, http.MethodPost, adminapi.KeysPath+"/rotate", nil, adminapi.Rotation{Now: c.now}, &made); err != nil {
		return err
	}
	if c.json {
		return writeJSON(w, made)
	}
	from := "now on"
	if !made.Seals && made.SealsFrom != nil {
		from = made.SealsFrom.UTC().Format(time.RFC3339) + " on, when every server knows it"
	}
	_, err := fmt.Fprintf(w, "key %s seals from %s; the others go on opening what they have sealed, so no user is signed out\n", made.ID, from)
	return err
}

func (c *keysCommand) retire(ctx context.Context, w io.Writer, id string) error {
	var gone adminapi.KeyEntry
	if err := c.server.Ask(ctx, http.MethodPost, adminapi.KeysPath+"/retire", nil, adminapi.Retirement{ID: id, Force: c.force}, &gone); err != nil {
		return err
	}
	if c.json {
		return writeJSON(w, gone)
	}
	_, err := fmt.Fprintf(w, "key %s is gone; what it has sealed opens no more\n", gone.ID)
	return err
}
