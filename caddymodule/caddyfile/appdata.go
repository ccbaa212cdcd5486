package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseClearCookies reads names of cookies; arguments that begin with a slash are paths.
func parseClearCookies(d *caddyfile.Dispenser, s *siteParser) error {
	var words []string
	if err := grammar.Names(d, &words); err != nil {
		return err
	}
	c := new(config.ClearCookies)
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "/"):
			c.Paths = append(c.Paths, word)
		case word == "all":
			c.All = true
		default:
			c.Names = append(c.Names, word)
		}
	}
	s.ClearCookies = c
	return grammar.WrapAt(d.Token(), s.CheckAppData())
}

func parseClearSiteData(d *caddyfile.Dispenser, s *siteParser) error {
	var words []string
	for {
		// A hint about cookies helps more than a suggestion of a similar word.
		word, err := grammar.FirstOf(d, "clear_site_data", append(slices.Clone(config.SiteDataWords), config.DataCookies)...)
		if err != nil {
			return err
		}
		words = append(words, word)
		if d.CountRemainingArgs() == 0 {
			break
		}
	}
	s.ClearSiteData = words
	return grammar.WrapAt(d.Token(), s.CheckAppData())
}
