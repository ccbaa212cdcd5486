package caddyfile

import (
	"errors"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"golang.org/x/text/language"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/pages"
)

// parseBrand reads the look of the pages:
//
//	brand {
//		name       <text>
//		logo       <file>
//		accent     <colour>
//		background <colour>|<file>
//		footer     <label> <url>
//		css        <file>
//		strings    <language> <file>
//		contact    <url>
//	}
//
// background is allowed twice: once with a colour and once with a file.
func parseBrand(d *caddyfile.Dispenser, a *config.App) error {
	a.Brand = new(config.Brand)
	return brandWords.BlockOnly(d, "brand option", a.Brand)
}

var brandWords = grammar.Words[*config.Brand]{
	"name": grammar.Once(func(d *caddyfile.Dispenser, b *config.Brand) (err error) {
		b.Name, err = checked(d, pages.CheckLabel)
		return err
	}),
	"logo": grammar.Once(func(d *caddyfile.Dispenser, b *config.Brand) (err error) {
		b.Logo, err = brandFile(d)
		return err
	}),
	"accent":     grammar.Once(parseAccent),
	"background": grammar.Many(parseBackground),
	"footer":     grammar.Many(parseFooter),
	"css": grammar.Once(func(d *caddyfile.Dispenser, b *config.Brand) (err error) {
		b.CSS, err = brandFile(d)
		return err
	}),
	"strings": grammar.Many(parseStrings),
	"contact": grammar.Once(func(d *caddyfile.Dispenser, b *config.Brand) (err error) {
		b.Contact, err = checked(d, pages.CheckLink)
		return err
	}),
}

// checked reads exactly one argument and checks it.
func checked(d *caddyfile.Dispenser, check func(string) error) (string, error) {
	word := d.Val()
	value, err := grammar.One(d)
	if err != nil {
		return "", err
	}
	if err := check(value); err != nil {
		return "", d.Errf("%s: %w", word, err)
	}
	return value, nil
}

func brandFile(d *caddyfile.Dispenser) (*config.BrandFile, error) {
	name, err := grammar.One(d)
	return &config.BrandFile{File: name, Position: grammar.Position(d)}, err
}

// errComment explains that in a Caddyfile a # after a space begins a comment.
var errComment = errors.New(`a colour stands in quotes, as in "#0067b8": without them it is a comment`)

func parseAccent(d *caddyfile.Dispenser, b *config.Brand) (err error) {
	if d.CountRemainingArgs() == 0 {
		return d.WrapErr(errComment)
	}
	b.Accent, err = checked(d, pages.CheckColour)
	return err
}

// parseBackground treats an argument that begins with # as a colour.
func parseBackground(d *caddyfile.Dispenser, b *config.Brand) (err error) {
	if d.CountRemainingArgs() == 0 {
		return d.Err(`background needs a file or a colour; a colour stands in quotes, as in "#f3f2f1": without them it is a comment`)
	}
	start := d.Token()
	value, err := grammar.One(d)
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(value, "#") && b.Background != "", !strings.HasPrefix(value, "#") && b.Picture != nil:
		return grammar.WrapAt(start, errors.New("background stands twice, with two of the same kind"))
	case !strings.HasPrefix(value, "#"):
		b.Picture = &config.BrandFile{File: value, Position: grammar.Position(d)}
		return nil
	}
	b.Background = value
	if err := pages.CheckColour(value); err != nil {
		return d.Errf("background: %w", err)
	}
	return nil
}

func parseFooter(d *caddyfile.Dispenser, b *config.Brand) error {
	label, link, err := grammar.Two(d)
	if err != nil {
		return err
	}
	if len(b.Footer) == pages.MaxFooter {
		return d.Errf("footer: at most %d links", pages.MaxFooter)
	}
	if err := pages.CheckLabel(label); err != nil {
		return d.Errf("footer: %w", err)
	}
	if err := pages.CheckLink(link); err != nil {
		return d.Errf("footer: %w", err)
	}
	b.Footer = append(b.Footer, config.BrandLink{Label: label, URL: link})
	return nil
}

func parseStrings(d *caddyfile.Dispenser, b *config.Brand) error {
	lang, file, err := grammar.Two(d)
	if err != nil {
		return err
	}
	tag, err := language.Parse(lang)
	if err != nil || tag == language.Und {
		return d.Errf("strings: %q is no language such as de or pt-BR", lang)
	}
	for _, other := range b.Strings {
		if other.Language == tag.String() {
			return d.Errf("strings: %s has two files", tag)
		}
	}
	b.Strings = append(b.Strings, config.BrandStrings{BrandFile: config.BrandFile{File: file, Position: grammar.Position(d)}, Language: tag.String()})
	return nil
}
