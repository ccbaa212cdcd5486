package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// streamReport is what `latchkey signals status` says of a stream.
type streamReport struct {
	Name   string              `json:"name"`
	Stream *transmitter.Stream `json:"stream"`
	Status *transmitter.Status `json:"status,omitempty"`
	// Findings are what does not fit the configuration, or is unknown.
	Findings []finding `json:"findings"`
}

// status prints what the transmitter says of a stream, and what does not fit.
func (c *signalsCommand) status(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	r, err := m.report(ctx, c.id)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if c.json {
		err = writeJSON(w, r)
	} else {
		err = r.print(w)
	}
	if err == nil && slices.ContainsFunc(r.Findings, func(f finding) bool { return f.Level == findFail }) {
		err = errors.New("the stream does not fit the configuration")
	}
	return err
}

func (m *managedStream) report(ctx context.Context, id string) (*streamReport, error) {
	s, err := m.find(ctx, id)
	if err != nil {
		return nil, err
	}
	s.Delivery.Authorization = "" // transmitters are not to return it, and some do
	r := &streamReport{Name: m.words.Name, Stream: s}
	for _, found := range m.fits(s) {
		r.Findings = append(r.Findings, finding{found.level, "signals", m.words.Name, found.text})
	}
	status, err := m.Manager.Status(ctx, s.ID)
	switch {
	case err != nil:
		r.Findings = append(r.Findings, finding{findWarn, "signals", m.words.Name, "its status is not known: " + adminapi.OneLine(oidc.Truncated(err)).Error()})
		return r, nil
	case status.Status != transmitter.Enabled:
		text := "the transmitter has set it to " + status.Status + ": no events arrive"
		if status.Reason != "" {
			text += " (" + status.Reason + ")"
		}
		r.Findings = append(r.Findings, finding{findFail, "signals", m.words.Name, text})
	}
	r.Status = status
	return r, nil
}

// fits compares a stream with the configuration.
func (m *managedStream) fits(s *transmitter.Stream) (found []remark) {
	say := func(level, format string, args ...any) {
		found = append(found, remark{level, fmt.Sprintf(format, args...)})
	}
	if s.Issuer != m.words.Issuer {
		say(findFail, "its events have the issuer %q, and the configuration has %q: all events are refused", s.Issuer, m.words.Issuer)
	}
	if !slices.ContainsFunc(s.Audience, func(aud string) bool { return slices.Contains(m.words.Audience, aud) }) {
		say(findFail, "its events are for %s, and the configuration has audience %s: all events are refused",
			orDash(strings.Join(s.Audience, " ")), strings.Join(m.words.Audience, " "))
	}
	switch s.Delivery.Method {
	case transmitter.PushDelivery:
		switch {
		case m.words.Push == nil:
			say(findFail, "its events are pushed, and the configuration has no push")
		case !slices.Contains(m.addresses(), s.Delivery.Endpoint):
			say(findWarn, "its events are pushed to %s, which is no address of a site here", orDash(s.Delivery.Endpoint))
		}
	case transmitter.PollDelivery:
		switch {
		case m.words.Poll == nil:
			say(findFail, "its events wait to be asked for, and the configuration has no poll %s", orDash(s.Delivery.Endpoint))
		case s.Delivery.Endpoint != "" && s.Delivery.Endpoint != m.words.Poll.URL:
			say(findFail, "its events wait at %s, and the configuration has poll %s", s.Delivery.Endpoint, m.words.Poll.URL)
		}
	default:
		say(findFail, "its delivery is %q, which is neither push (%s) nor poll (%s)", s.Delivery.Method, transmitter.PushDelivery, transmitter.PollDelivery)
	}
	var acting []string
	for _, uri := range s.Delivered {
		if slices.Contains(signals.Useful(), uri) {
			acting = append(acting, uri)
		}
	}
	if len(acting) == 0 {
		say(findFail, "none of its events has an effect here: latchkey signals update asks for those that have")
	}
	return found
}

// addresses are where events of this stream may be pushed to.
func (m *managedStream) addresses() (all []string) {
	for _, s := range m.sites {
		if s.host != "" && !strings.Contains(s.host, "*") {
			all = append(all, s.origin()+m.path())
		}
	}
	return all
}

func (m *managedStream) path() string { return browser.Base + "/events/" + m.words.Name }

func (r *streamReport) print(w io.Writer) error {
	s := r.Stream
	rows := [][2]string{{"stream", s.ID}}
	if r.Status != nil {
		rows = append(rows, [2]string{"status", r.Status.Status})
	}
	delivery := map[string]string{transmitter.PushDelivery: "push to ", transmitter.PollDelivery: "poll at "}[s.Delivery.Method] + s.Delivery.Endpoint
	rows = append(rows, [2]string{"delivery", delivery}, [2]string{"issuer", s.Issuer}, [2]string{"audience", strings.Join(s.Audience, " ")})
	for _, uri := range s.Delivered {
		rows = append(rows, [2]string{"event", orDash(string(signals.KindOf(uri)), uri)})
	}
	if d := s.VerificationInterval(); d > 0 {
		rows = append(rows, [2]string{"verification, at most every", d.String()})
	}
	if d := s.InactivityTimeout(); d > 0 {
		rows = append(rows, [2]string{"ends without a request for", d.String()})
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%-28s %s\n", row[0], terminal.Printable(row[1])); err != nil {
			return err
		}
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-4s  %s\n", f.Level, terminal.Printable(f.Message)); err != nil {
			return err
		}
	}
	return nil
}

// wanted is what this gateway wants of a stream.
func (c *signalsCommand) wanted(m *managedStream) (transmitter.Wanted, error) {
	w := transmitter.Wanted{ID: c.id, Requested: signals.Useful(), Delivery: &transmitter.Delivery{Method: transmitter.PollDelivery}}
	if c.poll || m.words.Push == nil {
		return w, nil
	}
	w.Delivery.Method = transmitter.PushDelivery
	all := m.addresses()
	switch {
	case c.site != "":
		w.Delivery.Endpoint = strings.TrimSuffix(c.site, "/") + m.path()
		if !slices.Contains(all, w.Delivery.Endpoint) {
			return w, fmt.Errorf("--site %s: no site of the configuration has this address", c.site)
		}
	case len(all) == 1:
		w.Delivery.Endpoint = all[0]
	case len(all) == 0:
		return w, errors.New("no site of the configuration has a name that could be given to the transmitter")
	default:
		return w, errors.New("the configuration has several sites: give --site and one of them; every site acts for all")
	}
	secret, err := m.words.PushSecret()
	if err != nil {
		return w, err
	}
	if secret != "" {
		w.Delivery.Authorization = "Bearer " + secret
	}
	return w, nil
}

// create creates a stream. If there is one it changes nothing.
func (c *signalsCommand) create(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	w, err := c.wanted(m)
	if err != nil {
		return err
	}
	switch s, err := m.find(ctx, c.id); {
	case err == nil:
		return fmt.Errorf("the transmitter has the stream %s for this client already: see latchkey signals status, and update", s.ID)
	case !errors.Is(err, transmitter.ErrNoStream):
		return err
	}
	s, err := m.Create(ctx, w)
	if err != nil {
		return err
	}
	return m.made(ctx, s, cmd, "created")
}

// update asks for the events and the delivery again.
func (c *signalsCommand) update(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	w, err := c.wanted(m)
	if err != nil {
		return err
	}
	s, err := m.find(ctx, c.id)
	if err != nil {
		return err
	}
	w.ID = s.ID
	if s, err = m.Update(ctx, w); err != nil {
		return err
	}
	return m.made(ctx, s, cmd, "updated")
}

// made says what has been made of a stream, and what of it does not fit.
func (m *managedStream) made(ctx context.Context, s *transmitter.Stream, cmd *cobra.Command, how string) error {
	s.Delivery.Authorization = ""
	r := &streamReport{Name: m.words.Name, Stream: s}
	for _, found := range m.fits(s) {
		r.Findings = append(r.Findings, finding{found.level, "signals", m.words.Name, found.text})
	}
	if meta, err := m.Transmitter.Metadata(ctx); err == nil && meta.DefaultSubjects == "NONE" {
		r.Findings = append(r.Findings, finding{findWarn, "signals", m.words.Name, "the transmitter sends events only about users that are added: latchkey signals add, or its own settings"})
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), how); err != nil {
		return err
	}
	return r.print(cmd.OutOrStdout())
}

// verify has the transmitter send an event that changes nothing. The running servers count it.
func (c *signalsCommand) verify(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	s, err := m.find(ctx, c.id)
	if err != nil {
		return err
	}
	if err := m.Verify(ctx, s.ID, session.NewRandom(16)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the transmitter has been asked; lastReceived of %s in /latchkey/status shows when the event has arrived\n", m.words.Name)
	return err
}

// remove deletes a stream.
func (c *signalsCommand) remove(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	s, err := m.find(ctx, c.id)
	if err != nil {
		return err
	}
	if err := m.Delete(ctx, s.ID); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "deleted: stream %s\n", terminal.Printable(s.ID))
	return err
}

// add asks for events about a user.
func (c *signalsCommand) add(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	return c.subjects(ctx, m, cmd, m.AddSubject, "added")
}

// drop takes add back.
func (c *signalsCommand) drop(ctx context.Context, m *managedStream, cmd *cobra.Command) error {
	return c.subjects(ctx, m, cmd, m.RemoveSubject, "removed")
}

func (c *signalsCommand) subjects(ctx context.Context, m *managedStream, cmd *cobra.Command, do func(context.Context, string, json.RawMessage) error, how string) error {
	subject, err := c.about(m)
	if err != nil {
		return err
	}
	s, err := m.find(ctx, c.id)
	if err != nil {
		return err
	}
	if err := do(ctx, s.ID, subject); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", how)
	return err
}

// about returns the subject that the flags name.
func (c *signalsCommand) about(m *managedStream) (json.RawMessage, error) {
	var given []any
	if c.user != "" {
		given = append(given, map[string]string{"format": "iss_sub", "iss": m.users.Issuer, "sub": c.user})
	}
	if c.email != "" {
		given = append(given, map[string]string{"format": "email", "email": c.email})
	}
	if c.subject != "" {
		var object map[string]any
		if err := json.Unmarshal([]byte(c.subject), &object); err != nil {
			return nil, fmt.Errorf("--subject: %w", err)
		}
		given = append(given, object)
	}
	if len(given) != 1 {
		return nil, errors.New("give one of --user, --email and --subject")
	}
	return json.Marshal(given[0])
}
