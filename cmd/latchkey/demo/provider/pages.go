package provider

import (
	"embed"
	"html/template"
	"net/http"
)

var (
	//go:embed page/*.html
	pageFiles embed.FS
	//go:embed page/style.css
	style []byte
	//go:embed page/icon.svg
	icon []byte

	pages = template.Must(template.ParseFS(pageFiles, "page/*.html"))
)

func (p *Provider) page(w http.ResponseWriter, status int, name string, data map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, name, data) //nolint:errcheck // the client went away
}

// problem says what is wrong to the person at the browser, without a way to go elsewhere.
func (p *Provider) problem(w http.ResponseWriter, status int, text string) {
	p.page(w, status, "note.html", map[string]any{"Title": "That did not work", "Text": text})
}

func (p *Provider) home(w http.ResponseWriter, _ *http.Request) {
	p.page(w, http.StatusOK, "note.html", map[string]any{
		"Title": "The demo\u2019s OpenID provider", "Text": "It signs people in for the demo and has no page of its own. Open the demo instead.",
	})
}
