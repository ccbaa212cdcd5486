package rig

import "encoding/json"

// Popup returns the window that a page of the browser has opened, once it is there.
func (b *Browser) Popup() *Page {
	b.t.Helper()
	a, err := drive(b.t).do("popup", map[string]any{"browser": b.id})
	if err != nil {
		b.t.Fatalf("waiting for a window: %v", err)
	}
	return &Page{t: b.t, b: b, id: a.Page}
}

// Closed tells whether the page has closed itself.
func (p *Page) Closed() (closed bool) { p.t.Helper(); p.value(&closed, "closed", nil); return closed }

// Tap presses the button or link of that name and waits for nothing that this may lead to.
func (p *Page) Tap(name string) { p.t.Helper(); p.tell("click", map[string]any{"name": name}) }

// FrameText is what the one frame of the page shows.
func (p *Page) FrameText() (text string) { p.t.Helper(); p.value(&text, "frameText", nil); return text }

// FrameTap presses a button or link in the one frame of the page.
func (p *Page) FrameTap(name string) { p.t.Helper(); p.tell("frameTap", map[string]any{"name": name}) }

// TryTap is Tap in a window that may close or move on meanwhile: it does nothing if there is no such button, and reports
// whether it pressed one.
func (p *Page) TryTap(name string) bool {
	p.t.Helper()
	a, err := p.try("has", map[string]any{"name": name})
	var shown bool
	if err != nil || json.Unmarshal(a.Value, &shown) != nil || !shown {
		return false
	}
	_, err = p.try("click", map[string]any{"name": name})
	return err == nil
}
