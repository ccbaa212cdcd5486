package demo

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed page
	pageFiles embed.FS
	pages     = template.Must(template.ParseFS(pageFiles, "page/*.html"))
)

// identityHeaders are all that the sample app knows about anybody.
var identityHeaders = []string{"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Session-Kind"}

// app is the sample app. It believes its headers: it listens on loopback, and Latchkey is its only way in.
func app() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusOK, "home.html") })
	mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusOK, "admin.html") })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusNotFound, "missing.html") })
	mux.HandleFunc("GET /api/time", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{ //nolint:errcheck // the client went away
			"time": time.Now().UTC().Format(time.RFC3339), "user": r.Header.Get("Remote-User"),
		})
	})
	mux.HandleFunc("GET /app.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFiles, "page/app.css") })
	mux.HandleFunc("GET /app.svg", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFiles, "page/app.svg") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// visitor is what the app concludes from a request.
type visitor struct {
	Name    string // empty: nobody
	Admin   bool
	Kind    string
	Headers []header
}

type header struct {
	Name, Value string
	Absent      bool
}

func conclude(h http.Header) visitor {
	v := visitor{Name: h.Get("Remote-Name"), Kind: h.Get("X-Session-Kind")}
	if v.Name == "" {
		v.Name = h.Get("Remote-User")
	}
	v.Admin = slices.Contains(strings.Split(h.Get("Remote-Groups"), ","), "admins")
	for _, name := range identityHeaders {
		v.Headers = append(v.Headers, header{Name: name, Value: h.Get(name), Absent: h.Get(name) == ""})
	}
	return v
}

func show(w http.ResponseWriter, r *http.Request, status int, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, page, conclude(r.Header)) //nolint:errcheck // the client went away
}
