package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/policy"
)

func init() {
	caddycmd.RegisterCommand(explainCommand())
}

func explainCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "explain",
		Usage: "[--config <file> [--adapter <name>]] --user <name> [--group <name>]... --app <name> [--path <path>] ... | --impact --config <file>",
		Short: "Says what would become of a request, and why, policy by policy",
		Long: `
Says whether a request would pass, what the person would be asked for, whether
"Stay signed in?" would be shown, and for each policy whether it applies and, if
not, which condition does not hold. It is decided by the same function that
decides about real requests; nothing is signed in, written or sent anywhere.

With --config it explains a configuration that need not run: nothing is opened.
Without, it asks the server at --address, by default this machine's.

What is not said counts as not known, as it would for a real request: without
--auth-age, a policy that wants a recent authentication asks for one; without
--ip, a policy about networks may apply.

With --impact the server holds the configuration of --config against its live
sessions and the sign-ins of the last days, and says whom it would block, ask or
let in that the one that runs does not. Nothing is loaded.

It exits with 1 if the question makes no sense, or if --expect names another
verdict than it comes to.`,
		CobraFunc: setUpExplain,
	}
}

// explainOptions are the flags that do not belong to the query.
type explainOptions struct {
	config, adapter, address string
	json, appliedOnly        bool
	expect                   string
	impact                   bool
	since                    string
	examples                 int
}

func setUpExplain(cmd *cobra.Command) {
	var f queryFlags
	var o explainOptions
	flags := cmd.Flags()
	f.add(flags)
	flags.StringVarP(&o.config, "config", "c", "", "explain this configuration, without a server")
	flags.StringVarP(&o.adapter, "adapter", "a", "", "what the configuration is written in; default: by its name")
	flags.StringVar(&o.address, "address", "", "the admin address of the server to ask")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.BoolVar(&o.appliedOnly, "applied-only", false, "leave out policies that do not apply")
	flags.StringVar(&o.expect, "expect", "", "fail unless the verdict is this: allow, block, step_up or sign_in")
	flags.BoolVar(&o.impact, "impact", false, "hold the configuration against live sessions and the sign-in log of a server")
	flags.StringVar(&o.since, "since", "7d", "with --impact: how far back the sign-in log is read")
	flags.IntVar(&o.examples, "examples", explain.DefaultExamples, "with --impact: how many names each change is given")
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.impact {
			return o.askImpact(cmd.OutOrStdout(), cmd.Flags())
		}
		q, err := f.query()
		if err != nil {
			return err
		}
		return o.explain(cmd.OutOrStdout(), q)
	}
}

func (o *explainOptions) explain(w io.Writer, q *explain.Query) error {
	if verdicts := verdictWords(); o.expect != "" && !slices.Contains(verdicts, o.expect) {
		return fmt.Errorf("--expect: unknown verdict %q%s", o.expect, config.Suggest(o.expect, verdicts))
	}
	ex, err := o.ask(q)
	if err != nil {
		return err
	}
	if o.json {
		if o.appliedOnly {
			ex.AppliedOnly()
		}
		err = writeJSON(w, ex)
	} else {
		err = ex.Print(w, o.appliedOnly)
	}
	if err == nil && o.expect != "" && ex.Verdict != o.expect {
		err = fmt.Errorf("the verdict is %s, not %s", ex.Verdict, o.expect)
	}
	return err
}

func verdictWords() []string {
	return []string{policy.Allow.String(), policy.Block.String(), policy.StepUp.String(), policy.SignIn.String()}
}

var errTwoSources = errors.New("--config needs no server: give --config or --address")

// ask gets the explanation from a configuration file or from a server.
func (o *explainOptions) ask(q *explain.Query) (*explain.Explanation, error) {
	if o.config == "" {
		ex := new(explain.Explanation)
		return ex, o.post(adminapi.ExplainPath, q, ex)
	}
	if o.address != "" {
		return nil, errTwoSources
	}
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Explain(q)
}

// post sends a query to the running server: the one at --address, or the one of the configuration.
func (o *explainOptions) post(path string, question, answer any) error {
	server := adminapi.Client{Address: o.address}
	if o.address == "" {
		server.Config, server.Adapter = o.config, o.adapter
	}
	return server.Ask(context.Background(), http.MethodPost, path, nil, question, answer)
}

// load adapts a file and provisions it. It starts nothing.
func (o *explainOptions) load() (*app.Candidate, error) {
	ctx, err := app.EmptyContext()
	if err != nil {
		return nil, err
	}
	config, _, _, err := caddycmd.LoadConfig(o.config, o.adapter)
	if err != nil {
		return nil, err
	}
	return app.NewCandidate(ctx, config)
}

func writeJSON(w io.Writer, v any) error {
	var buf strings.Builder
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, buf.String())
	return err
}
