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

// The limits of a brand. MaxLogo to MaxText are sizes of files, in bytes.
const (
	MaxLogo       = 128 << 10
	MaxBackground = 1 << 20
	MaxCSS        = 32 << 10
	MaxText       = 256 << 10
	// MaxFooter is the largest number of links below the card.
	MaxFooter = 8
	maxName   = 100
	maxLink   = 2048
	// wordmark is the ratio of width to height from which a logo counts as containing the name, which is then not shown
	// beside it.
	wordmark = 2.5
)

// Brand is the operator's look of the pages. The zero value is Latchkey's own look.
type Brand struct {
	// Name is shown above every page and in its title. Empty means "Latchkey".
	Name string
	// Logo is shown beside the name (CheckImage). A logo that is much wider than high replaces the name.
	Logo *Image
	// Accent is the colour of the primary button (CheckColour). The text on it is white or black, whichever is
	// readable. Where the colour must be visible against the card, it is darkened or lightened as needed. No colour is
	// refused for its contrast, because an operator cannot change a pale brand colour.
	Accent string
	// Background is the colour around the card. Users who prefer dark pages see a dark shade of it.
	Background string
	// Picture is behind the card, above Background.
	Picture *Image
	// Footer contains links below the card.
	Footer []Link
	// CSS is appended to the page's own stylesheet, in the same file (CheckCSS).
	CSS []byte
	// Contact is the link for help on pages that refuse (CheckLink). Empty: no such link.
	Contact string
}

// Link is a link to a page of the operator.
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

// CheckLabel checks a name or label that users see.
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

// CheckLink accepts an https, http or mailto URL.
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

// CheckCSS refuses CSS that would load something: the Content-Security-Policy of the pages blocks it, so it would be
// missing without any message.
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

// CheckText checks a file with texts that replaces parts of a built-in language, or adds another language in full.
func CheckText(lang string, data []byte) error {
	if len(data) > MaxText {
		return fmt.Errorf("%d bytes are more than %d KB", len(data), MaxText>>10)
	}
	_, err := loadLanguages(map[string][]byte{lang: data})
	return err
}

// The backgrounds in page.css against which colours must be visible: the darkest light one and the lightest dark one.
var (
	lightGround = colour{0xf3, 0xf4, 0xf1}
	darkGround  = colour{0x1d, 0x26, 0x24}
)

// style returns what a brand adds to page.css.
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

// Logo is the operator's logo in the form for the layout.
type Logo struct {
	Path          string
	Width, Height int
	// Wide: the logo contains the name.
	Wide bool
}

// logoHeight is the height of .logo in page.css, in pixels at the default text size.
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

// TabIcon returns the icon for the browser's tab.
func (v view) TabIcon() asset {
	if icon, ok := v.Assets["logo"]; ok && !v.Logo().Wide {
		return icon
	}
	return v.Assets["mark.svg"]
}

// helped is a page that shows the operator's contact.
type helped interface {
	Page
	requestID() string
}

// Contact returns the help link of this page; empty for none. A mailto link includes the details of the page.
func (v view) Contact() string {
	page, ok := v.Page.(helped)
	if !ok || !strings.HasPrefix(v.Brand.Contact, "mailto:") || strings.Contains(v.Brand.Contact, "?") || page.requestID() == "" {
		return v.Brand.Contact
	}
	return v.Brand.Contact + "?subject=" + url.PathEscape(v.Brand.Name+": "+page.requestID())
}
