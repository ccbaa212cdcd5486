package pages

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a brand: MaxLogo to MaxText of its files, in bytes.
const (
	MaxLogo       = 128 << 10
	MaxBackground = 1 << 20
	MaxCSS        = 32 << 10
	MaxText       = 256 << 10
	// MaxFooter is how many links stand below the card.
	MaxFooter = 8
	maxName   = 100
	maxLink   = 2048
	// wordmark is how much wider than high a logo is that holds the name, which is then not written beside it.
	wordmark = 2.5
)

// Brand is how the operator shows itself. The zero value is Latchkey's own look.
type Brand struct {
	// Name stands above every page and in its title. Empty means "Latchkey".
	Name string
	// Logo stands beside the name (CheckImage). One that is much wider than high stands for it.
	Logo *Image
	// Accent is the colour of the button that is meant (CheckColour). The text on it is white or black, whichever can be
	// read; where the colour itself has to be seen against the card, it is darkened or lightened as far as that takes. No
	// colour is refused for its contrast: who has a pale one has no other.
	Accent string
	// Background is the colour around the card. Who prefers dark pages sees a dark shade of it.
	Background string
	// Picture is behind the card, above Background.
	Picture *Image
	// Footer are links below the card.
	Footer []Link
	// CSS comes after the page's own stylesheet, in the same file (CheckCSS).
	CSS []byte
	// Contact is where people turn to from a page that says no (CheckLink). Empty: no such link.
	Contact string
}

// Link leads to a page of the operator's.
type Link struct {
	Label, URL string
}

func (b *Brand) check() error {
	if err := CheckLabel(b.Name); b.Name != "" && err != nil {
		return fmt.Errorf("brand: name: %w", err)
	}
	for what, value := range map[string]string{"accent": b.Accent, "background": b.Background} {
		if err := CheckColour(value); value != "" && err != nil {
			return fmt.Errorf("brand: %s: %w", what, err)
		}
	}
	if len(b.Footer) > MaxFooter {
		return fmt.Errorf("brand: footer: more than %d links", MaxFooter)
	}
	for _, l := range b.Footer {
		if err := errors.Join(CheckLabel(l.Label), CheckLink(l.URL)); err != nil {
			return fmt.Errorf("brand: footer: %w", err)
		}
	}
	if err := CheckLink(b.Contact); b.Contact != "" && err != nil {
		return fmt.Errorf("brand: contact: %w", err)
	}
	if err := CheckCSS(b.CSS); err != nil {
		return fmt.Errorf("brand: css: %w", err)
	}
	return nil
}

// CheckLabel takes a name or a label as people see it.
func CheckLabel(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("it is empty")
	case utf8.RuneCountInString(s) > maxName:
		return fmt.Errorf("%.20q... is longer than %d characters", s, maxName)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%q has control characters", s)
	}
	return nil
}

// CheckLink takes an https, http or mailto URL.
func CheckLink(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || len(s) > maxLink || strings.ContainsAny(s, " \\") || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%.100q is no URL", s)
	case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil:
		return nil
	case u.Scheme == "mailto" && strings.Contains(u.Opaque, "@"):
		return nil
	case u.Scheme == "" && strings.Contains(s, "@"):
		return fmt.Errorf("%q: an address for mail is written mailto:%s", s, s)
	}
	return fmt.Errorf("%q is no https, http or mailto URL", s)
}

// CheckCSS refuses what would load something: the pages' Content-Security-Policy lets them load nothing but what is
// served with them, so it would be missing without a word.
func CheckCSS(css []byte) error {
	switch {
	case len(css) > MaxCSS:
		return fmt.Errorf("%d bytes are more than %d KB", len(css), MaxCSS>>10)
	case !utf8.Valid(css) || bytes.ContainsRune(css, 0):
		return errors.New("not UTF-8 text")
	case bytes.Count(css, []byte("{")) != bytes.Count(css, []byte("}")):
		return errors.New("not a stylesheet: braces do not match")
	}
	for _, m := range cssReference.FindAllSubmatch(css, -1) {
		if string(m[1]) != "#" {
			return fmt.Errorf("%q would load something, which the pages never do; a picture belongs to logo or background", bytes.TrimSpace(m[0]))
		}
	}
	return nil
}

// CheckText takes a file of texts that overrides a built-in language in part, or adds another one in full.
func CheckText(lang string, data []byte) error {
	if len(data) > MaxText {
		return fmt.Errorf("%d bytes are more than %d KB", len(data), MaxText>>10)
	}
	_, err := loadLanguages(map[string][]byte{lang: data})
	return err
}

// Grounds of page.css that colours have to be seen on: the darkest of the light ones and the lightest of the dark ones.
var (
	lightGround = colour{0xf3, 0xf4, 0xf1}
	darkGround  = colour{0x1d, 0x26, 0x24}
)

// style is what a brand adds to page.css.
func (b *Brand) style(picture string) []byte {
	var light, dark, rest strings.Builder
	if accent, err := parseColour(b.Accent); err == nil {
		text := accent.on()
		both := fmt.Sprintf("--accent:%s;--on-accent:%s;--accent-strong:%s;", accent, text, accent.mix(colour{255 - text[0], 255 - text[1], 255 - text[2]}, 0.15))
		light.WriteString(both + fmt.Sprintf("--accent-edge:%s;", accent.visible(lightGround, shapeContrast)))
		dark.WriteString(both + fmt.Sprintf("--accent-edge:%s;", accent.visible(darkGround, shapeContrast)))
	}
	if ground, err := parseColour(b.Background); err == nil {
		for _, scheme := range []struct {
			to     *strings.Builder
			ground colour
		}{{&light, ground}, {&dark, ground.dusk()}} {
			fmt.Fprintf(scheme.to, "--ground:%s;--on-ground:%s;", scheme.ground, scheme.ground.on())
		}
	}
	if picture != "" {
		fmt.Fprintf(&rest, "body{background:var(--ground) url(%q) center/cover no-repeat fixed}"+
			".brand,.foot{inline-size:fit-content;padding:.5rem .875rem;border-radius:.875rem;background:var(--card);color:var(--ink)}", picture)
	}
	var out strings.Builder
	if light.Len() > 0 {
		fmt.Fprintf(&out, "\n@media not (forced-colors:active){:root{%s}}\n@media (prefers-color-scheme:dark) and (not (forced-colors:active)){:root{%s}}\n",
			light.String(), dark.String())
	}
	if rest.Len() > 0 {
		fmt.Fprintf(&out, "@media screen and (not (forced-colors:active)){%s}\n", rest.String())
	}
	out.Write(b.CSS)
	return []byte(out.String())
}

// Logo is the operator's logo as the layout shows it.
type Logo struct {
	Path          string
	Width, Height int
	// Wide: the logo holds the name.
	Wide bool
}

// logoHeight is that of .logo in page.css, in pixels at the usual size of text.
const logoHeight = 40

// Logo returns nil if the brand has none.
func (v view) Logo() *Logo {
	logo := v.Brand.Logo
	if logo == nil {
		return nil
	}
	return &Logo{
		Path: v.Assets["logo"].path, Width: max(logo.Width*logoHeight/logo.Height, 1), Height: logoHeight,
		Wide: float64(logo.Width) >= wordmark*float64(logo.Height),
	}
}

// TabIcon is the picture in the browser's tab.
func (v view) TabIcon() asset {
	if icon, ok := v.Assets["logo"]; ok && !v.Logo().Wide {
		return icon
	}
	return v.Assets["mark.svg"]
}

// helped is a page that names the operator's contact.
type helped interface {
	Page
	requestID() string
}

// Contact is where the reader of this page gets help; empty for none. A mail says by itself what it is about.
func (v view) Contact() string {
	page, ok := v.Page.(helped)
	if !ok || !strings.HasPrefix(v.Brand.Contact, "mailto:") || strings.Contains(v.Brand.Contact, "?") || page.requestID() == "" {
		return v.Brand.Contact
	}
	return v.Brand.Contact + "?subject=" + url.PathEscape(v.Brand.Name+": "+page.requestID())
}
