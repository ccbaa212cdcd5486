package bearer

import (
	"net/http"
	"net/url"
	"strings"
)

// wellKnown is where the metadata of a protected resource is: before the path of the resource (RFC 9728, section 3.1).
const wellKnown = "/.well-known/oauth-protected-resource"

// Resource is what a site publishes about itself (RFC 9728), and how it asks for a token.
type Resource struct {
	// Issuers are the issuers of its tokens, the first one first: clients use no other.
	Issuers []string
	// Scopes are the scopes that a token must have.
	Scopes []string
	// Published: the site serves its metadata.
	Published bool
	// Name is the resource that answers without a token name: a URL of the site. Empty: see address.
	Name string
	// Audience are the names of the site at its issuers.
	Audience []string
	// Title is the name of the site for people.
	Title string
	// Basic: tokens of Latchkey are accepted as passwords. NoBearer: no others are.
	Basic, NoBearer bool
}

// document is the metadata (RFC 9728, section 2).
type document struct {
	Resource   string   `json:"resource"`
	Servers    []string `json:"authorization_servers"`
	Scopes     []string `json:"scopes_supported,omitempty"`
	Methods    []string `json:"bearer_methods_supported"`
	Title      string   `json:"resource_name,omitempty"`
	Algorithms []string `json:"dpop_signing_alg_values_supported"`
}

// Serve answers a request for the metadata, and reports whether it was one. origin is that of the site, path what the client
// requested. Any client may ask, without a sign-in, and scripts of all origins may read the answer: it is the same for all.
func (s *Resource) Serve(w http.ResponseWriter, r *http.Request, origin string, path *url.URL) bool {
	suffix, is := s.suffix(path)
	if !is {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET")
		h.Set("Access-Control-Allow-Headers", "*, Authorization")
		w.WriteHeader(http.StatusNoContent)
		return true
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Origin")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(marshal(document{
			Resource: s.at(origin, suffix), Servers: s.Issuers, Scopes: s.Scopes, Methods: []string{"header"}, Title: s.Title,
			Algorithms: ProofAlgorithms(),
		})) // the client has gone: there is no one to answer
	}
	return true
}

// Serves reports whether Serve answers a request for a path. A nil resource serves nothing.
func (s *Resource) Serves(path *url.URL) bool {
	_, is := s.suffix(path)
	return is
}

func (s *Resource) suffix(path *url.URL) (suffix string, is bool) {
	if s == nil || !s.Published {
		return "", false
	}
	suffix, is = strings.CutPrefix(path.EscapedPath(), wellKnown)
	return suffix, is && (suffix == "" || suffix[0] == '/')
}

// at returns the resource whose metadata has a path: what the address was made from (RFC 9728, section 3.3). A terminating
// slash behind the host is not part of the address, so the configured spelling decides on it.
func (s *Resource) at(origin, suffix string) string {
	if suffix == "/" {
		suffix = ""
	}
	for _, name := range append([]string{s.Name}, s.Audience...) {
		if addressOf(name) == origin+wellKnown+suffix {
			return name
		}
	}
	return origin + suffix
}

// addressOf returns the address of the metadata of a resource.
func addressOf(resource string) string {
	u, err := url.Parse(resource)
	if err != nil {
		return ""
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	return u.Scheme + "://" + u.Host + wellKnown + path
}

// maxAsked is the largest length of a path that an answer repeats.
const maxAsked = 1024

// address returns the address of the metadata that an answer to a request names. The resource in it must be what the client
// requested (RFC 9728, section 3.3): some clients refuse every other one, some a resource that the path is not below. It is
// also what they request tokens for (RFC 8707). So without a configured name it is the audience that is an address of the
// site and has the path, the longest one, and otherwise the requested path itself. asked is path and query as requested.
func (s *Resource) address(origin, asked string) string {
	if s.Name != "" {
		return addressOf(s.Name)
	}
	path, _, _ := strings.Cut(asked, "?")
	longest := ""
	for _, audience := range s.Audience {
		// An audience need be no address, and one of another site names nothing here.
		at, ours := strings.CutPrefix(addressOf(audience), origin+wellKnown)
		below := path == at || strings.HasPrefix(path, strings.TrimSuffix(at, "/")+"/")
		if ours && below && len(audience) > len(longest) {
			longest = audience
		}
	}
	switch {
	case longest != "":
		return addressOf(longest)
	case path == "/" || len(path) > maxAsked:
		return origin + wellKnown
	}
	return origin + wellKnown + path
}

// NoServer reports whether a request looks for an authorization server at the site, as some clients do that did not find or
// did not understand the metadata. They read a page, or an error of the server, as an answer, and give up.
func NoServer(path string) bool {
	switch path {
	case "/register", "/authorize", "/token":
		return true
	}
	for _, name := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		if rest, ok := strings.CutPrefix(path, name); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}
