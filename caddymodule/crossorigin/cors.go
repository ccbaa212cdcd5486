package crossorigin

import (
	"net/http"
	"slices"
)

// Preflight reports whether a request is the question of a browser whether a page of one of origins may send another request
// (CORS-preflight request of the Fetch standard). A program can send the same; it gets the answer of the app to OPTIONS
// without a sign-in. What asks for another protocol is no preflight: what came after the switch would pass as well.
func Preflight(r *http.Request, origins []string) bool {
	if len(origins) == 0 || r.Method != http.MethodOptions || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	wanted := r.Header["Access-Control-Request-Method"]
	return len(wanted) == 1 && wanted[0] != "" && from(r, origins) != ""
}

// credentials are what a browser never sends with a preflight, and what frames a body.
var credentials = []string{"Authorization", "Cookie", "Proxy-Authorization", "Content-Length", "Expect", "Te", "Trailer"}

// Strip takes out of a preflight what would make it more than a question: who asks, and a body.
func Strip(r *http.Request) {
	for _, name := range credentials {
		delete(r.Header, name)
	}
	r.Body, r.ContentLength, r.TransferEncoding, r.Trailer = http.NoBody, 0, nil, nil
}

// exposed are the headers of an answer of the gateway that a script needs: the first tells its 401 from one of the app.
const exposed = "WWW-Authenticate, Retry-After"

// Readable is w for answers of the gateway itself: if the request is of a page of one of origins, its scripts may read the
// answer. It is not for answers of the app, which says so itself: two such headers in one answer are an error to a browser.
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

// from returns the one origin that a request names if it is among origins, else "".
func from(r *http.Request, origins []string) string {
	if named := r.Header["Origin"]; len(named) == 1 && slices.Contains(origins, named[0]) {
		return named[0]
	}
	return ""
}
