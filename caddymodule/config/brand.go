package config

import (
	"fmt"
	"io"
	"os"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Brand is how the pages that people see show who runs this gateway. Files are read when the configuration is loaded; one
// that is no image, too large, or holds script, markup or a reference to elsewhere is refused then.
type Brand struct {
	// The name above every page and in its title. Default: Latchkey.
	Name string `json:"name,omitempty"`

	// A PNG, JPEG or SVG of at most 128 KB, shown 40 pixels high beside the name, or in its place if it is much wider than
	// high.
	Logo *BrandFile `json:"logo,omitempty"`

	// The colour of the button that is meant, such as "#0067b8". What is written on it is white or black, whichever can be
	// read.
	Accent string `json:"accent,omitempty"`

	// The colour around the card, such as "#f3f2f1". Who prefers dark pages sees a dark shade of it.
	Background string `json:"background,omitempty"`

	// A picture behind the card: a PNG, JPEG or SVG of at most 1 MB.
	Picture *BrandFile `json:"picture,omitempty"`

	// Links below the card, at most 8.
	Footer []BrandLink `json:"footer,omitempty"`

	// A stylesheet of at most 32 KB that follows the page's own. It cannot load anything.
	CSS *BrandFile `json:"css,omitempty"`

	// Texts of your own, by language.
	Strings []BrandStrings `json:"strings,omitempty"`

	// Where people turn to from a page that says no: an https, http or mailto URL.
	Contact string `json:"contact,omitempty"`
}

// BrandFile is a file of a brand.
type BrandFile struct {
	// The path of the file.
	File string `json:"file"`

	// Where the file is named, for messages about it.
	Position string `json:"position,omitempty" placeholders:"none"`
}

// BrandLink is a link below the card.
type BrandLink struct {
	Label string `json:"label"`

	// An https, http or mailto URL.
	URL string `json:"url"`
}

// BrandStrings overrides texts of a language in part, or adds another language in full. The file is a JSON object like
// those in session/pages/text.
type BrandStrings struct {
	BrandFile

	// The language as a BCP 47 tag, such as de or pt-BR.
	Language string `json:"language"`
}

// check is what can be checked without opening a file.
func (b *Brand) check() error {
	if b == nil {
		return nil
	}
	config := pages.Brand{Name: b.Name, Accent: b.Accent, Background: b.Background, Contact: b.Contact}
	for _, l := range b.Footer {
		config.Footer = append(config.Footer, pages.Link{Label: l.Label, URL: l.URL})
	}
	if _, err := pages.New(pages.Config{Base: browser.Base, Brand: config}); err != nil {
		return err // it names the brand
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

// Load reads the files and returns what the pages are made with.
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

// read hands the content of a file to use, a byte more than most at most. What is wrong with it is told with the place
// where the file is named.
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

// readFile reads a file that the configuration names: a regular one, since a pipe would hold the load up for ever, and up
// to a byte more than most, so that a longer one is known for what it is.
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
