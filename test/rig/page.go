package rig

import "encoding/json"

func (p *Page) try(command string, args map[string]any) (answer, error) {
	if args == nil {
		args = map[string]any{}
	}
	args["browser"], args["page"] = p.b.id, p.id
	return drive(p.t).do(command, args)
}

func (p *Page) tell(command string, args map[string]any) answer {
	p.t.Helper()
	a, err := p.try(command, args)
	if err != nil {
		shown, _ := p.try("text", nil)
		p.t.Fatalf("%v\nthe page shows: %s", err, shown.Value)
	}
	return a
}

func (p *Page) value(out any, command string, args map[string]any) {
	p.t.Helper()
	if err := json.Unmarshal(p.tell(command, args).Value, out); err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
}

// Goto opens an address and returns where redirects led and the status of the document.
func (p *Page) Goto(url string) At {
	p.t.Helper()
	a := p.tell("goto", map[string]any{"url": url})
	return At{a.URL, a.Status}
}

// Reload loads the page again.
func (p *Page) Reload() At { p.t.Helper(); a := p.tell("reload", nil); return At{a.URL, a.Status} }

// Back goes back in the tab's history.
func (p *Page) Back() At { p.t.Helper(); a := p.tell("back", nil); return At{a.URL, a.Status} }

// Forward goes forward in the tab's history.
func (p *Page) Forward() At { p.t.Helper(); a := p.tell("forward", nil); return At{a.URL, a.Status} }

// Click presses the button or link of that name and waits for the page that this leads to.
func (p *Page) Click(name string) At {
	p.t.Helper()
	a := p.tell("click", map[string]any{"name": name, "navigate": true})
	return At{a.URL, a.Status}
}

// Press presses a key, such as "Enter" or "Tab".
func (p *Page) Press(key string) { p.t.Helper(); p.tell("press", map[string]any{"key": key}) }

// Check ticks the checkbox of that name.
func (p *Page) Check(name string) { p.t.Helper(); p.tell("check", map[string]any{"name": name}) }

// Has tells whether a button, link or field of that name is to be seen.
func (p *Page) Has(name string) (ok bool) {
	p.t.Helper()
	p.value(&ok, "has", map[string]any{"name": name})
	return ok
}

// Text returns what a person can read on the page.
func (p *Page) Text() (s string) { p.t.Helper(); p.value(&s, "text", nil); return s }

// Content returns the document's markup.
func (p *Page) Content() (s string) { p.t.Helper(); p.value(&s, "content", nil); return s }

// URL returns the page's address.
func (p *Page) URL() (s string) { p.t.Helper(); p.value(&s, "url", nil); return s }

// Focused returns the text of the element that has the keyboard.
func (p *Page) Focused() (s string) { p.t.Helper(); p.value(&s, "focused", nil); return s }

// WaitURL waits until the page's address contains the text.
func (p *Page) WaitURL(text string) { p.t.Helper(); p.tell("waitURL", map[string]any{"text": text}) }

// Look changes size and colour scheme of the page as it stands.
func (p *Page) Look(width, height int, dark bool) {
	p.t.Helper()
	p.tell("look", map[string]any{"width": width, "height": height, "dark": dark})
}

// Screenshot writes a PNG of the whole page.
func (p *Page) Screenshot(path string) {
	p.t.Helper()
	p.tell("screenshot", map[string]any{"path": path, "full": true})
}

// Evaluate runs a script expression in the page and decodes its value.
func (p *Page) Evaluate(out any, script string) {
	p.t.Helper()
	p.value(out, "evaluate", map[string]any{"script": script})
}

// Fetch makes a script's request from the page; init is fetch's second argument and may be nil.
func (p *Page) Fetch(url string, init map[string]any) (f Fetched) {
	p.t.Helper()
	p.value(&f, "fetch", map[string]any{"url": url, "init": init})
	return f
}

// WebSocket opens a WebSocket from the page, sends a text and returns "message: ..." with the first answer, "error" or
// "closed: CODE".
func (p *Page) WebSocket(url, text string) (s string) {
	p.t.Helper()
	p.value(&s, "websocket", map[string]any{"url": url, "text": text})
	return s
}

// Axe returns what axe-core holds against the page, one finding an element; none is what it should be.
func (p *Page) Axe() (findings []string) {
	p.t.Helper()
	p.value(&findings, "axe", nil)
	return findings
}
