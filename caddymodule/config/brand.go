package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Brand sets the look of the pages that users see. Its files are read when the configuration is loaded. A file that is
// not an image, is too large, or contains script, markup or an external reference is then refused.
type Brand struct {
	// The name above every page and in its title. Default: Latchkey.
	Name string `json:"name,omitempty"`

	// A PNG, JPEG or SVG of at most 128 KB. It is shown 40 pixels high beside the name, or instead of the name if it is
	// much wider than high.
	Logo *BrandFile `json:"logo,omitempty"`

	// The colour of the primary button, such as "#0067b8". Its label is white or black, whichever is easier to read.
	Accent string `json:"accent,omitempty"`

	// The colour around the card, such as "#f3f2f1". Users who prefer dark pages see a dark shade of it.
	Background string `json:"background,omitempty"`

	// A picture behind the card: a PNG, JPEG or SVG of at most 1 MB.
	Picture *BrandFile `json:"picture,omitempty"`

	// Links below the card, at most 8.
	Footer []BrandLink `json:"footer,omitempty"`

	// A stylesheet of at most 32 KB, added after the pages' own. It cannot load anything.
	CSS *BrandFile `json:"css,omitempty"`

	// Texts that replace the built-in ones, by language.
	Strings []BrandStrings `json:"strings,omitempty"`

	// The link shown on pages that refuse a user: an https, http or mailto URL.
	Contact string `json:"contact,omitempty"`
}

// BrandFile is a file of a brand.
type BrandFile struct {
	// The path of the file.
	File string `json:"file"`

	// Where the configuration names the file, for error messages.
	Position string `json:"position,omitempty" placeholders:"none"`
}

// BrandLink is a link below the card.
type BrandLink struct {
	Label string `json:"label"`

	// An https, http or mailto URL.
	URL string `json:"url"`
}

// BrandStrings replaces some texts of a built-in language, or adds another language in full. The file is a JSON object
// like those in session/pages/text.
type BrandStrings struct {
	BrandFile

	// The language as a BCP 47 tag, such as de or pt-BR.
	Language string `json:"language"`
}

// check checks what can be checked without opening a file.
func (b *Brand) check() error {
	if b == nil {
		return nil
	}
	config := pages.Brand{Name: b.Name, Accent: b.Accent, Background: b.Background, Contact: b.Contact}
	for _, l := range b.Footer {
		config.Footer = append(config.Footer, pages.Link{Label: l.Label, URL: l.URL})
	}
	if _, err := pages.New(pages.Config{Base: browser.Base, Brand: config}); err != nil {
		return err // the error names the brand
	}
	for i, s := range b.Strings {
		for _, other := range b.Strings[:i] {
			if other.Language == s.Language {
				return fmt.Errorf("brand: strings: %s has two files", s.Language)
			}
		}
	}
	return nil
}

// Load reads the files and returns the configuration of the pages.
func (b *Brand) Load() (pages.Config, error) {
	c := pages.Config{Base: browser.Base}
	if b == nil {
		return c, nil
	}
	c.Brand = pages.Brand{Name: b.Name, Accent: b.Accent, Background: b.Background, Contact: b.Contact}
	for _, l := range b.Footer {
		c.Brand.Footer = append(c.Brand.Footer, pages.Link{Label: l.Label, URL: l.URL})
	}
	picture := func(most int, to **pages.Image) func([]byte) error {
		return func(data []byte) error {
			image, err := pages.CheckImage(data, most)
			*to = &image
			return err
		}
	}
	err := b.Logo.read("logo", pages.MaxLogo, picture(pages.MaxLogo, &c.Brand.Logo))
	if err == nil {
		err = b.Picture.read("background", pages.MaxBackground, picture(pages.MaxBackground, &c.Brand.Picture))
	}
	if err == nil {
		err = b.CSS.read("css", pages.MaxCSS, func(data []byte) error {
			c.Brand.CSS = data
			return pages.CheckCSS(data)
		})
	}
	c.Text = make(map[string][]byte, len(b.Strings))
	for _, s := range b.Strings {
		if err == nil {
			err = s.read("strings "+s.Language, pages.MaxText, func(data []byte) error {
				c.Text[s.Language] = data
				return pages.CheckText(s.Language, data)
			})
		}
	}
	return c, err
}

// read passes the content of the file to use: at most one byte more than most. Its errors include the place where the
// configuration names the file.
func (f *BrandFile) read(word string, most int, use func([]byte) error) error {
	if f == nil {
		return nil
	}
	data, err := readFile(f.File, most)
	if err == nil {
		err = use(data)
	}
	switch {
	case err == nil:
		return nil
	case f.Position == "":
		return fmt.Errorf("brand: %s: %s: %w", word, f.File, err)
	}
	return fmt.Errorf("brand: %s: %s: %w, at %s", word, f.File, err, f.Position)
}

// readFile reads a file that the configuration names. It refuses anything but a regular file, because a pipe would
// block the load for ever. It reads up to one byte more than most, so that the caller notices a file that is too long.
func readFile(name string, most int) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, int64(most)+1))
}

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
