package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "signals",
		Usage: "status|create|update|verify|delete|add|remove|test [<name>] [--config <path> [--adapter <name>]]",
		Short: "Shows and manages streams of events at their transmitters",
		Long: `
Asks the transmitter of a stream (signals <name> in the configuration) about the
stream, or changes it there. The credentials are those of manage in that block. The
name may be left out if there is one stream. The configuration need not be running.

  status   what the transmitter says of the stream, and what does not fit the
           configuration
  create   creates the stream, with all events from which something follows
  update   asks for these events, and for delivery to this gateway, again
  verify   has the transmitter send an event that changes nothing
  delete   deletes the stream
  add      asks for events about a user, where the transmitter sends none otherwise
  remove   takes that back
  test     asks the running server what an event would do, and does nothing

It exits with 1 if something does not fit.`,
		CobraFunc: setUpSignals,
	})
}

// signalsCommand is `latchkey signals`.
type signalsCommand struct {
	config, adapter string
	json            bool
	// id is the stream at the transmitter, where it has several for this client.
	id string
	// site is the origin to which events are pushed. poll: they are not pushed.
	site string
	poll bool
	// user, email and subject are about whom events are wanted.
	user, email, subject string
}

// signalsPatience is the time limit of a command.
const signalsPatience = 30 * time.Second

func setUpSignals(cmd *cobra.Command) {
	sub := func(name, short string, flags func(*cobra.Command, *signalsCommand), run func(*signalsCommand, context.Context, *managedStream, *cobra.Command) error) *cobra.Command {
		c := new(signalsCommand)
		sub := &cobra.Command{
			Use: name + " [<name>]", Short: short, Args: cobra.MaximumNArgs(1),
			RunE: interruptible(func(ctx context.Context, cmd *cobra.Command, args []string) error {
				ctx, cancel := context.WithTimeout(ctx, signalsPatience)
				defer cancel()
				m, err := c.open(strings.Join(args, ""))
				if err != nil {
					return err
				}
				defer m.close()
				return run(c, ctx, m, cmd)
			}),
		}
		f := sub.Flags()
		f.StringVarP(&c.config, "config", "c", "", "the configuration; default: the Caddyfile of this directory")
		f.StringVarP(&c.adapter, "adapter", "a", "", "what the configuration is written in; default: by its name")
		f.StringVar(&c.id, "stream", "", "the ID of the stream at the transmitter, where it has several for this client")
		if flags != nil {
			flags(sub, c)
		}
		return sub
	}
	delivery := func(cmd *cobra.Command, c *signalsCommand) {
		cmd.Flags().StringVar(&c.site, "site", "", "the site to which events are pushed, such as https://wiki.example.com; default: the only one")
		cmd.Flags().BoolVar(&c.poll, "poll", false, "delivery by poll; default: push where the configuration has push")
	}
	about := func(cmd *cobra.Command, c *signalsCommand) {
		cmd.Flags().StringVarP(&c.user, "user", "u", "", "the user with this subject (sub) at the provider")
		cmd.Flags().StringVar(&c.email, "email", "", "the user with this address")
		cmd.Flags().StringVar(&c.subject, "subject", "", "a subject as JSON (RFC 9493)")
	}
	output := func(cmd *cobra.Command, c *signalsCommand) { cmd.Flags().BoolVar(&c.json, "json", false, "print JSON") }
	subcommands(cmd,
		sub("status", "Shows what the transmitter says of a stream", output, (*signalsCommand).status),
		sub("create", "Creates a stream", delivery, (*signalsCommand).create),
		sub("update", "Asks for the events and the delivery again", delivery, (*signalsCommand).update),
		sub("verify", "Has the transmitter send an event that changes nothing", nil, (*signalsCommand).verify),
		sub("delete", "Deletes a stream", nil, (*signalsCommand).remove),
		sub("add", "Asks for events about a user", about, (*signalsCommand).add),
		sub("remove", "Asks for no more events about a user", about, (*signalsCommand).drop),
		dryRunCommand(),
	)
}

// managedStream is a stream of a configuration, and its transmitter.
type managedStream struct {
	*transmitter.Manager
	words *config.Signals
	users *config.Provider
	sites []siteAddress
	close func()
}

// errNoManage: there are no credentials to ask the transmitter with.
var errNoManage = errors.New("the stream has no manage in the configuration: without credentials its transmitter cannot be asked about it")

// open returns the stream with a name. Without a name it is the only one.
func (c *signalsCommand) open(name string) (*managedStream, error) {
	raw, _, _, err := caddycmd.LoadConfig(c.config, c.adapter)
	switch {
	case err != nil:
		return nil, err
	case len(raw) == 0:
		return nil, errors.New("there is no configuration: give --config")
	}
	scene, err := newDoctorContext(raw)
	if err != nil {
		return nil, err
	}
	candidate, err := app.NewCandidate(scene, raw)
	if err != nil {
		return nil, err
	}
	m, err := c.choose(candidate, name)
	if err != nil {
		candidate.Close()
		return nil, err
	}
	m.sites, m.close = sitesOf(raw), candidate.Close
	return m, nil
}

func (c *signalsCommand) choose(candidate *app.Candidate, name string) (*managedStream, error) {
	var names []string
	for _, one := range candidate.Signals {
		if one.Name == name || name == "" && len(candidate.Signals) == 1 {
			m, err := manage(candidate, one)
			if err == nil && m.Client == nil {
				err = errNoManage
			}
			return m, err
		}
		names = append(names, one.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("the configuration has no signals")
	case name == "":
		return nil, fmt.Errorf("the configuration has several streams: name one of %s", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("the configuration has no signals %q%s", name, config.Suggest(name, names))
}

// manage returns the transmitter of a stream. Its Client is nil if there are no credentials.
func manage(candidate *app.Candidate, words *config.Signals) (*managedStream, error) {
	client, err := words.Client(nil)
	if err != nil {
		return nil, err
	}
	users, err := words.Users(&candidate.App.App)
	if err != nil {
		return nil, err
	}
	m := &managedStream{
		Manager: &transmitter.Manager{Transmitter: &transmitter.Transmitter{Issuer: words.Issuer, Client: client, Now: time.Now}},
		words:   words, users: users,
	}
	credentials, err := words.Credentials(client)
	if err != nil || credentials == nil {
		return m, err
	}
	m.Client = credentials.Authenticated(client)
	return m, nil
}

// find returns the stream as the transmitter describes it.
func (m *managedStream) find(ctx context.Context, id string) (*transmitter.Stream, error) {
	streams, err := m.Streams(ctx)
	var answer *transmitter.AnswerError
	switch {
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
		return nil, transmitter.ErrNoStream
	case err != nil:
		return nil, err
	}
	s, err := transmitter.Choose(streams, id, m.words.Audience)
	if errors.Is(err, transmitter.ErrManyStreams) {
		var ids []string
		for _, one := range streams {
			ids = append(ids, one.ID)
		}
		return nil, fmt.Errorf("%w: give --stream and one of %s", err, strings.Join(ids, ", "))
	}
	return s, err
}
