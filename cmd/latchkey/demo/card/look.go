package card

import (
	_ "embed"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
)

var (
	//go:embed frame.html
	frame string
	//go:embed card.css
	rules []byte
)

// Look writes the pages of one party.
type Look struct {
	pages       *template.Template
	style, icon []byte
}

// New reads the page folder of a party: templates, including "party" with its name and "mark" with its drawing;
// style.css with its colours and page-specific rules; and icon.svg. The folder is part of the binary, so an error in it
// is a panic.
func New(files fs.FS) *Look {
	l := &Look{pages: template.Must(template.Must(template.New("frame").Parse(frame)).ParseFS(files, "page/*.html"))}
	l.style = slices.Concat(rules, must(fs.ReadFile(files, "page/style.css")))
	l.icon = must(fs.ReadFile(files, "page/icon.svg"))
	return l
}

func must(content []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return content
}

// Assets serves what the frame loads.
func (l *Look) Assets(mux *http.ServeMux) {
	mux.HandleFunc("GET /style.css", static("text/css; charset=utf-8", l.style))
	mux.HandleFunc("GET /icon.svg", static("image/svg+xml", l.icon))
}

func static(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Write(body) //nolint:errcheck // the client went away
	}
}

// Write answers with a page.
func (l *Look) Write(w http.ResponseWriter, status int, page string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	l.pages.ExecuteTemplate(w, page, data) //nolint:errcheck // the client went away
}
