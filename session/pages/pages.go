package pages

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed template/*.html
var templateFiles embed.FS

// Config configures the pages. The zero value is complete and safe.
type Config struct {
	Brand Brand
	// Base is the path of forms and assets, without a trailing slash. Empty means "/.latchkey".
	Base string
	// Text replaces texts or adds languages: it maps a language tag (BCP 47) to a JSON object with the structure of
	// text/en.json. For a built-in language it may contain only some texts; a new language must be complete. An unknown
	// key or an invalid value is an error of New.
	Text map[string][]byte
	// Icons are the icons of providers, by provider name, for the chooser.
	Icons map[string]Image
}

// Pages renders pages. It is safe for concurrent use and keeps no state between pages.
type Pages struct {
	brand     Brand
	base      string
	languages languages
	templates map[string]parsed
	continued *recall[continued, []byte]
	outlines  *outlines[place]
	assets    assets
	served    http.Handler
}

// New loads texts and assets. It does no I/O. Its error names the invalid setting.
func New(c Config) (*Pages, error) {
	p := &Pages{
		brand: c.Brand, base: c.Base, templates: maps.Clone(templates),
		continued: newRecall[continued, []byte](maxContinued), outlines: newOutlines[place](),
	}
	if p.brand.Name == "" {
		p.brand.Name = "Latchkey"
	}
	if p.base == "" {
		p.base = "/.latchkey"
	}
	if p.base == "/" || !strings.HasPrefix(p.base, "/") || path.Clean(p.base) != p.base {
		return nil, fmt.Errorf("base path %q: expected an absolute path without a trailing slash", c.Base)
	}
	if err := p.brand.check(); err != nil {
		return nil, err
	}
	var err error
	if p.languages, err = loadLanguages(c.Text); err != nil {
		return nil, err
	}
	if p.assets, err = loadAssets(p.base, &p.brand); err != nil {
		return nil, err
	}
	for name, icon := range c.Icons {
		if err := p.assets.add(p.base, iconAsset(name), "provider", icon.Ext, icon.Content); err != nil {
			return nil, err
		}
	}
	p.served = p.assets.handler(p.base)
	return p, nil
}

// parsed returns the template of a page.
type parsed func() (*template.Template, error)

// templates are those of all pages, by name. They are the same for every configuration. Each is parsed for the first page of its kind: a
// gateway shows few kinds, and a template is a thousand pieces of memory, which every garbage collection looks at.
var templates = newTemplates()

func newTemplates() map[string]parsed {
	layout := sync.OnceValues(func() (*template.Template, error) {
		return template.ParseFS(templateFiles, "template/layout.html")
	})
	all := make(map[string]parsed, len(every))
	for _, page := range every {
		name := page.template()
		all[name] = sync.OnceValues(func() (*template.Template, error) {
			t, err := layout()
			if err == nil {
				t, err = t.Clone()
			}
			if err == nil {
				t, err = t.ParseFS(templateFiles, "template/"+name+".html")
			}
			if err != nil {
				return nil, fmt.Errorf("parsing page %s: %w", name, err)
			}
			return t, nil
		})
	}
	return all
}

// view is the data of a template.
type view struct {
	Page   Page
	Brand  Brand
	Base   string
	Assets assets
	// Status is the status of the response.
	Status int
	text   *bundle
}

// Lang returns the language of the page as a BCP 47 tag.
func (v view) Lang() string { return v.text.lang }

// Dir returns the writing direction of that language: "ltr" or "rtl".
func (v view) Dir() string { return v.text.dir }

// Title returns the heading of the page.
func (v view) Title() (Phrase, error) {
	key, pairs := v.Page.title()
	return v.Say(key, pairs...)
}

// Script returns the asset name of the page's script; almost all pages have none.
func (v view) Script() string {
	if page, ok := v.Page.(scripted); ok {
		return page.script()
	}
	return ""
}

// Framed reports whether the page is shown in a frame.
func (v view) Framed() bool {
	_, ok := v.Page.(Framed)
	return ok
}

// Say returns the text of a key with its placeholders filled from name, value pairs. The result is plain text in parts;
// html/template escapes it.
func (v view) Say(key string, pairs ...string) (Phrase, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("say: a name without a value")
	}
	return v.text.say(key, pairs)
}

// Count returns the text of a key for a number, by the plural rules of the language.
func (v view) Count(key string, n int) (string, error) { return v.text.count(key, n) }
