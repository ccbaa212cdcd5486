package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session/signals"
)

// dryRun is `latchkey signals test`.
type dryRun struct {
	server           adminapi.Client
	q                explain.SignalQuery
	subject, members string
	set              []string
	json             bool
}

// dryRunCommand returns the command that says what an event would do. Unlike its neighbours it asks the running server, which
// has the sessions.
func dryRunCommand() *cobra.Command {
	c := new(dryRun)
	cmd := &cobra.Command{
		Use: "test --event <name> --user <sub>|--email <address>|--subject <JSON>", Short: "Says what an event would do, and does nothing", Args: cobra.NoArgs,
		RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error { return c.run(ctx, cmd.OutOrStdout()) }),
	}
	f := cmd.Flags()
	f.StringVarP(&c.q.Event, "event", "e", "", "the event, such as account-disabled or credential-change")
	f.StringVar(&c.q.Stream, "stream", "", "the name of the stream in the configuration; may be left out if there is only one")
	f.StringVarP(&c.q.User, "user", "u", "", "the user with this subject (sub) at the provider")
	f.StringVar(&c.q.Email, "email", "", "the user with this address")
	f.StringVar(&c.subject, "subject", "", "a subject as JSON (RFC 9493, or complex)")
	f.StringArrayVar(&c.set, "set", nil, "a member of the event, such as change_type=update; repeatable")
	f.StringVar(&c.members, "members", "", "all members of the event as JSON")
	f.BoolVar(&c.json, "json", false, "print JSON")
	c.server.Flags(f)
	return cmd
}

func (c *dryRun) run(ctx context.Context, w io.Writer) error {
	if c.q.Event == "" {
		return errors.New("--event: name the event, such as account-disabled")
	}
	if kinds := signals.Kinds(); !strings.Contains(c.q.Event, "/") {
		if _, known, _ := signals.ReadEvent(c.q.Event, nil); !known {
			return fmt.Errorf("--event: unknown event %q%s", c.q.Event, config.Suggest(c.q.Event, kinds))
		}
	}
	var err error
	if c.q.Members, err = c.body(); err != nil {
		return err
	}
	if c.subject != "" {
		c.q.Subject = json.RawMessage(c.subject)
		if !json.Valid(c.q.Subject) {
			return errors.New("--subject: it is no JSON")
		}
	}
	im := new(explain.SignalImpact)
	if err := c.server.Ask(ctx, http.MethodPost, adminapi.SignalsTestPath, nil, &c.q, im); err != nil {
		return err
	}
	if c.json {
		return writeJSON(w, im)
	}
	return im.Print(w)
}

// body returns the members of the event.
func (c *dryRun) body() (json.RawMessage, error) {
	if c.members != "" {
		if len(c.set) > 0 {
			return nil, errors.New("give --set or --members")
		}
		if !json.Valid([]byte(c.members)) {
			return nil, errors.New("--members: it is no JSON")
		}
		return json.RawMessage(c.members), nil
	}
	if len(c.set) == 0 {
		return nil, nil
	}
	members := map[string]string{}
	for _, one := range c.set {
		name, value, ok := strings.Cut(one, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--set: %q is not of the form name=value", one)
		}
		members[name] = value
	}
	return json.Marshal(members)
}
