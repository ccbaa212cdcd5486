package crossorigin

import (
	"net/http"
	"slices"
)

// Preflight reports whether a request is a CORS preflight (Fetch standard) for a page of one of the origins: the
// browser asks whether the page may send another request. Another program can send the same request; it then gets the
// app's answer to OPTIONS without a sign-in. A request to switch protocols is not a preflight, because everything after
// the switch would pass too.
func Preflight(r *http.Request, origins []string) bool {
	if len(origins) == 0 || r.Method != http.MethodOptions || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	wanted := r.Header["Access-Control-Request-Method"]
	return len(wanted) == 1 && wanted[0] != "" && from(r, origins) != ""
}

// credentials are headers that a browser never sends with a preflight, and headers that describe a body.
var credentials = []string{"Authorization", "Cookie", "Proxy-Authorization", "Content-Length", "Expect", "Te", "Trailer"}

// Strip removes the credentials and the body from a preflight.
func Strip(r *http.Request) {
	for _, name := range credentials {
		delete(r.Header, name)
	}
	r.Body, r.ContentLength, r.TransferEncoding, r.Trailer = http.NoBody, 0, nil, nil
}

// exposed are the headers of the gateway's answers that scripts need. WWW-Authenticate lets a script distinguish the
// gateway's 401 from one of the app.
const exposed = "WWW-Authenticate, Retry-After"

// Readable returns a writer for the gateway's own answers: if the request comes from a page of one of the origins, its
// scripts may read the answer. It must not be used for answers of the app, which sets these headers itself: browsers
// treat two such headers in one answer as an error.
func Readable(w http.ResponseWriter, r *http.Request, origins []string) http.ResponseWriter {
	if origin := from(r, origins); origin != "" {
		return &readable{ResponseWriter: w, origin: origin}
	}
	return w
}

type readable struct {
	http.ResponseWriter
	origin string
	begun  bool
}

// WriteHeader implements http.ResponseWriter.
func (a *readable) WriteHeader(status int) {
	if !a.begun {
		a.begun = true
		h := a.Header()
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", a.origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", exposed)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *readable) Write(p []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap is what http.ResponseController asks for.
func (a *readable) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// from returns the origin that a request names, if it names exactly one and it is in origins, else "".
func from(r *http.Request, origins []string) string {
	if named := r.Header["Origin"]; len(named) == 1 && slices.Contains(origins, named[0]) {
		return named[0]
	}
	return ""
}
