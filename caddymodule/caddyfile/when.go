package caddyfile

import (
	"encoding"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// The words that the lists may contain.
var (
	platformWords = []string{"android", "ios", "windows", "macos", "linux", "unknown"}
	clientWords   = []string{"browser", "other"}
	riskWords     = []string{"none", "low", "medium", "high", "hidden", "unknown"}
	deviceWords   = []string{"compliant", "managed", "shared", "bound"}
)

// parseWhen reads one condition:
//
//	when platform android|ios|windows|macos|linux|unknown...
//	when client browser|other...
//	when risk sign_in|user none|low|medium|high|hidden|unknown...
//	when device [not] compliant|managed|shared|bound
func parseWhen(d *caddyfile.Dispenser, p *config.Policy) error {
	if p.When == nil {
		p.When = new(config.When)
	}
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "platform":
		return wordList(d, "platform", platformWords, &p.When.Platforms)
	case "client":
		return wordList(d, "client", clientWords, &p.When.Clients)
	case "risk":
		return parseRisk(d, p.When)
	case "device":
		return parseDevice(d, p.When)
	}
	return grammar.Unrecognized(d, "condition", []string{"platform", "client", "risk", "device"})
}

func parseRisk(d *caddyfile.Dispenser, w *config.When) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "sign_in":
		return wordList(d, "sign-in risk", riskWords, &w.SignInRisk)
	case "user":
		return wordList(d, "user risk", riskWords, &w.UserRisk)
	}
	return grammar.Unrecognized(d, "kind of risk", []string{"sign_in", "user"})
}

func parseDevice(d *caddyfile.Dispenser, w *config.When) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	var c config.DeviceWhen
	if c.Not = d.Val() == "not"; c.Not && !d.NextArg() {
		return d.ArgErr()
	}
	if err := c.Attribute.UnmarshalText([]byte(d.Val())); err != nil {
		return grammar.Unrecognized(d, "device property", deviceWords)
	}
	if slices.Contains(w.Devices, c) {
		return d.Errf("%q is listed twice", d.Val())
	}
	w.Devices = append(w.Devices, c)
	return nothingMore(d)
}

// wordList reads the rest of a line into a list. The list must be empty before: two lines would look as if both had to
// hold, but no client has two platforms.
func wordList[T comparable, P interface {
	*T
	encoding.TextUnmarshaler
}](d *caddyfile.Dispenser, what string, words []string, to *[]T) error {
	if len(*to) > 0 {
		return d.Errf("%s stands twice: one line takes all the words that it may be", d.Val())
	}
	for d.NextArg() {
		var v T
		if err := P(&v).UnmarshalText([]byte(d.Val())); err != nil {
			return grammar.Unrecognized(d, what, words)
		}
		if slices.Contains(*to, v) {
			return d.Errf("%q is listed twice", d.Val())
		}
		*to = append(*to, v)
	}
	if len(*to) == 0 {
		return d.ArgErr()
	}
	return nil
}
