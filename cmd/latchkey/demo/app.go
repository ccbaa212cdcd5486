package demo

import (
	"embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/cmd/latchkey/demo/card"
)

var (
	//go:embed page
	pageFiles embed.FS
	look      = card.New(pageFiles)
)

// identityHeaders are the only headers from which the sample app knows the user.
var identityHeaders = []string{"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Session-Kind"}

// app is the sample app. It trusts its headers: it listens on loopback, and only Latchkey forwards requests to it.
func app() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", show(http.StatusOK, "home.html"))
	mux.HandleFunc("GET /admin", show(http.StatusOK, "admin.html"))
	mux.HandleFunc("GET /", show(http.StatusNotFound, "missing.html"))
	mux.HandleFunc("GET /api/time", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{ //nolint:errcheck // the client went away
			"time": time.Now().UTC().Format(time.RFC3339), "user": r.Header.Get("Remote-User"),
		})
	})
	look.Assets(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// visitor is what the app reads from a request.
type visitor struct {
	Name    string // empty: not signed in
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

func show(status int, page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { look.Write(w, status, page, conclude(r.Header)) }
}
