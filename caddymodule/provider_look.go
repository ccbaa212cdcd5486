package caddymodule

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

const (
	// maxIcon bounds the picture of a provider, in bytes.
	maxIcon = 32 << 10
	// maxDisplayName bounds the name of a provider that people see, in characters.
	maxDisplayName = 60
)

func checkDisplayName(name string) error {
	switch {
	case name == "":
		return nil
	case strings.TrimSpace(name) == "":
		return errors.New("name: a name is more than blanks")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("name: control characters are in it")
	case utf8.RuneCountInString(name) > maxDisplayName:
		return fmt.Errorf("name: it is longer than %d characters", maxDisplayName)
	case hasPlaceholder(name):
		return fmt.Errorf("name: %q: placeholders are not replaced here; {$NAME} is, when the Caddyfile is read", name)
	}
	return nil
}

// loadIcon reads the picture of a provider.
func loadIcon(path string) (pages.Image, error) {
	content, err := readFile(path, maxIcon)
	if err != nil {
		return pages.Image{}, fmt.Errorf("icon: %w", err)
	}
	picture, err := pages.CheckImage(content, maxIcon)
	if err != nil {
		return pages.Image{}, fmt.Errorf("icon: %s: %w", path, err)
	}
	return picture, nil
}

// provisionIcon reads the picture of a provider, if it has one.
func (a *App) provisionIcon(p *Provider) error {
	if p.Icon == "" {
		return nil
	}
	icon, err := loadIcon(p.Icon)
	if err != nil {
		return err
	}
	if a.rt.icons == nil {
		a.rt.icons = map[string]pages.Image{}
	}
	a.rt.icons[p.name()] = icon
	return nil
}

func parseDisplayName(d *caddyfile.Dispenser, p *Provider) (err error) {
	if p.DisplayName, err = one(d); err != nil {
		return err
	}
	if err := checkDisplayName(p.DisplayName); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// parseIcon looks at the file if it is there, so that what is wrong with it has a line; whether it is there is asked when
// the configuration is loaded, which may be on another machine.
func parseIcon(d *caddyfile.Dispenser, p *Provider) (err error) {
	if p.Icon, err = one(d); err != nil {
		return err
	}
	if _, err := loadIcon(p.Icon); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.WrapErr(err)
	}
	return nil
}
