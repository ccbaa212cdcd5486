package pages

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
)

// outlined is a page of which each user sees the same except for a few texts. Its template only writes these texts, as
// words or as the value of an attribute, or leaves out what belongs to an empty one. So it is rendered once, with gaps.
type outlined interface {
	// put returns the page with each of these texts replaced by what the function returns for it, in a fixed order.
	put(func(string) string) any
}

// outlines renders outlined pages. W is all on which a page depends besides its own fields.
type outlines[W comparable] struct {
	kept *recall[outlineKey[W], outline]
	// marks are what pages are rendered with in place of texts. They are random, so that no text contains one.
	marks [maxTexts]string
}

// outlineKey contains everything on which an outline depends. page has marks in place of its texts.
type outlineKey[W comparable] struct {
	where W
	page  any
}

const (
	// maxOutlines is the largest number of cached outlines. There is one for each language, and for each set of limits
	// and texts that a configuration has.
	maxOutlines = 64
	// maxTexts is the largest number of texts of an outlined page.
	maxTexts = 4
)

// outline is a rendered page with gaps. Nil: the page has none, and is rendered by its template each time.
type outline []piece

// piece is a part of an outline: HTML, and the number of the text that follows it; noText at the end.
type piece struct {
	html string
	text int
}

const noText = -1

func newOutlines[W comparable]() *outlines[W] {
	o := &outlines[W]{kept: newRecall[outlineKey[W], outline](maxOutlines)}
	for i := range o.marks {
		o.marks[i] = rand.Text()
	}
	return o
}

// probe is a text that html/template changes in each context but words and quoted attributes in another way than
// appendEscaped does: an outline is used only if it comes out the same.
const probe = "javascript:\x00\"'`<>&+=/?#%\\ \n{}\u202e\ufdd0\xffé"

// fill appends an outlined page to a buffer. It returns false if the page has no outline. render renders it by its
// template.
func (o *outlines[W]) fill(to []byte, where W, page outlined, render func(*bytes.Buffer, any) error) ([]byte, bool) {
	var texts taken
	key := outlineKey[W]{where, page.put(texts.mark(&o.marks))}
	if texts.n > maxTexts {
		return to, false
	}
	kept, known := o.kept.get(key)
	if !known {
		kept = o.outline(key.page, page, render)
		o.kept.put(key, kept)
	}
	if kept == nil {
		return to, false
	}
	return kept.appendTo(to, &texts), true
}

// taken are the texts of a page. n counts those that did not fit as well.
type taken struct {
	texts [maxTexts]string
	n     int
}

// mark returns a function that takes texts out of a page and leaves marks there. An empty text has none.
func (t *taken) mark(marks *[maxTexts]string) func(string) string {
	return func(text string) string {
		if t.n++; t.n > maxTexts {
			return text
		}
		if t.texts[t.n-1] = text; text == "" {
			return ""
		}
		return marks[t.n-1]
	}
}

// outline renders a page with marks into an outline. It returns nil if the outline does not give the very page that the
// template gives, with the probe for each text.
func (o *outlines[W]) outline(marked any, page outlined, render func(*bytes.Buffer, any) error) outline {
	var body bytes.Buffer
	if render(&body, marked) != nil {
		return nil
	}
	made := o.split(body.String())
	var probes taken
	take := probes.mark(&o.marks)
	probed := page.put(func(text string) string {
		if text != "" {
			text = probe + strconv.Itoa(probes.n)
		}
		take(text)
		return text
	})
	body.Reset()
	if render(&body, probed) != nil || !bytes.Equal(body.Bytes(), made.appendTo(nil, &probes)) {
		return nil
	}
	return made
}

// split makes an outline of a page that was rendered with marks.
func (o *outlines[W]) split(page string) (made outline) {
	for {
		at, which := len(page), noText
		for i, mark := range o.marks {
			if found := strings.Index(page[:at], mark); found >= 0 {
				at, which = found, i
			}
		}
		made = append(made, piece{html: page[:at], text: which})
		if which == noText {
			return made
		}
		page = page[at+len(o.marks[which]):]
	}
}

func (o outline) appendTo(to []byte, t *taken) []byte {
	for _, piece := range o {
		to = append(to, piece.html...)
		if piece.text != noText {
			to = appendEscaped(to, t.texts[piece.text])
		}
	}
	return to
}

// appendEscaped appends a text as html/template writes it between tags and in a quoted attribute.
func appendEscaped(to []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; c {
		case 0:
			to = append(to, "\ufffd"...)
		case '"':
			to = append(to, "&#34;"...)
		case '&':
			to = append(to, "&amp;"...)
		case '\'':
			to = append(to, "&#39;"...)
		case '+':
			to = append(to, "&#43;"...)
		case '<':
			to = append(to, "&lt;"...)
		case '>':
			to = append(to, "&gt;"...)
		default:
			to = append(to, c)
		}
	}
	return to
}

// recall is a small cache for results that take longer to compute than to look up. It is emptied when it is full, so
// that untrusted keys use limited memory.
type recall[K comparable, V any] struct {
	most int

	mu sync.RWMutex
	by map[K]V
}

func newRecall[K comparable, V any](most int) *recall[K, V] {
	return &recall[K, V]{most: most, by: make(map[K]V)}
}

func (r *recall[K, V]) get(key K) (V, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := r.by[key]
	return v, ok
}

func (r *recall[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.by) >= r.most {
		clear(r.by)
	}
	r.by[key] = v
}
