package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

// parsePreservePost reads the size of the largest form that is kept, in Caddy's syntax for sizes, or off.
func parsePreservePost(d *caddyfile.Dispenser, s *siteParser) error {
	word, err := grammar.One(d)
	if err != nil || word == "off" {
		return err
	}
	size, err := humanize.ParseBytes(word)
	switch {
	case err != nil || size == 0:
		return d.Errf("preserve_post: %q is no size such as 16KB, and not off", word)
	case size > pending.MaxForm:
		return d.Errf("preserve_post: %s is more than the %s that are kept at most", word, humanize.Bytes(pending.MaxForm))
	}
	s.PreservePost = int64(size)
	return nil
}
