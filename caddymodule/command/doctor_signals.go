package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// signals checks the transmitter of a stream, and the stream there if it may be asked about it.
func (d *doctor) signals(ctx context.Context, c *app.Candidate, words *config.Signals, sites []siteAddress) []finding {
	say := func(level, text string) finding { return finding{level, "signals", words.Name, text} }
	why := func(err error) string { return adminapi.OneLine(oidc.Truncated(err)).Error() }
	m, err := manage(c, words)
	if err != nil {
		return []finding{say(findFail, why(err))}
	}
	m.sites = sites
	if _, err := m.Transmitter.Metadata(ctx); err != nil {
		return []finding{say(findFail, "its metadata at "+transmitter.Address(words.Issuer)+" cannot be used: "+why(err)+"; all events are answered 503")}
	}
	keys, err := m.Transmitter.Keys().Current(ctx)
	if err != nil {
		return []finding{say(findFail, "its keys cannot be used: "+why(err)+"; all events are answered 503")}
	}
	found := []finding{say(findOK, fmt.Sprintf("the transmitter answers; usable keys: %d", len(keys)))}
	if m.Client == nil {
		return append(found, say(findOK, "without manage it is not known whether the transmitter has a stream"))
	}
	report, err := m.report(ctx, "")
	switch {
	case errors.Is(err, transmitter.ErrNoStream):
		return append(found, say(findFail, "the transmitter has no stream for this client: latchkey signals create "+words.Name))
	case err != nil:
		return append(found, say(findWarn, "the stream cannot be looked at: "+why(err)))
	case len(report.Findings) == 0:
		return append(found, say(findOK, "the stream is enabled, and fits the configuration"))
	}
	return append(found, report.Findings...)
}
