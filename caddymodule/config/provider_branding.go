package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

const (
	// maxIcon is the largest size of a provider's icon, in bytes.
	maxIcon = 32 << 10
	// maxDisplayName is the longest display name of a provider, in characters.
	maxDisplayName = 60
)

// CheckDisplayName refuses a name that a page cannot show. An empty one is right: the page shows the provider's own name.
func CheckDisplayName(name string) error {
	switch {
	case name == "":
		return nil
	case strings.TrimSpace(name) == "":
		return errors.New("name: a name is more than blanks")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("name: control characters are in it")
	case utf8.RuneCountInString(name) > maxDisplayName:
		return fmt.Errorf("name: it is longer than %d characters", maxDisplayName)
	case HasPlaceholder(name):
		return fmt.Errorf("name: %q: placeholders are not replaced here; {$NAME} is, when the Caddyfile is read", name)
	}
	return nil
}

// LoadIcon reads the icon of a provider.
func LoadIcon(path string) (pages.Image, error) {
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
