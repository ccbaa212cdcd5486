package provider

import (
	"embed"
	"net/http"

	"github.com/latchkey-gateway/latchkey/cmd/latchkey/demo/card"
)

var (
	//go:embed page
	pageFiles embed.FS
	look      = card.New(pageFiles)
)

// problem shows an error to the user, without links.
func (p *Provider) problem(w http.ResponseWriter, status int, text string) {
	look.Write(w, status, "note.html", map[string]any{"Title": "That did not work", "Text": text})
}

func (p *Provider) home(w http.ResponseWriter, _ *http.Request) {
	look.Write(w, http.StatusOK, "note.html", map[string]any{
		"Title": "The demo\u2019s OpenID provider", "Text": "It signs people in for the demo and has no page of its own. Open the demo instead.",
	})
}
