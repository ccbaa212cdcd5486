package bound

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// IdentifierPrefix begins the identifier of every bound session. Browsers ask the sessions of a site in the order of their
// identifiers, and an exclamation mark comes first.
const IdentifierPrefix = "!latchkey-"

// identifier names a session in the browser's own list. It is the same for one browser and place, so that a new sign-in
// replaces what an earlier one left, and it cannot be guessed: hosts of one site share the list, and one that knows the
// identifier of another could replace its session.
func identifier(place string, who *session.Record) string {
	owner := browser.Name(who.BrowserID)
	if owner == "" {
		owner = base64.RawURLEncoding.EncodeToString(who.ID[:])
	}
	_, hash, _ := strings.Cut(string(session.HashKey("bi", owner, place)), ":")
	return IdentifierPrefix + hash
}

// instructions tell a browser how its session is bound (w3c/webappsec-dbsc, section 9.10).
type instructions struct {
	Identifier  string       `json:"session_identifier"`
	RefreshURL  string       `json:"refresh_url"`
	Scope       scope        `json:"scope"`
	Credentials []credential `json:"credentials"`
	// Initiators are hosts whose pages may cause a refresh, besides those in the scope.
	Initiators []string `json:"allowed_refresh_initiators,omitempty"`
}

type scope struct {
	Origin        string `json:"origin,omitempty"`
	IncludeSite   bool   `json:"include_site"`
	Specification []rule `json:"scope_specification"`
}

type rule struct {
	Type   string `json:"type"`
	Domain string `json:"domain"`
	Path   string `json:"path"`
}

type credential struct {
	Type       string `json:"type"`
	Name       string `json:"name"`
	Attributes string `json:"attributes"`
}

// ended tells a browser that its session is over.
type ended struct {
	Identifier string `json:"session_identifier,omitempty"`
	Continue   bool   `json:"continue"`
}

// write answers a registration or a refresh.
func write(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body) // the client has gone: there is no one to answer
	}
}

// give sends the short cookie, the next challenge and the instructions.
func (s *Binder) give(w http.ResponseWriter, v *access.Visit, who *session.Record, device *session.DeviceKey) {
	now, key := s.Now(), device.KeyID()
	until := now.Add(s.Binds.Lifetime)
	s.GiveBound(w, v, device.Place, who.ID, key, until)
	// The browser keeps the challenge for its next refresh, which comes before the cookie ends or shortly after.
	s.challenge(w, v, device.Identifier, challenge{use: toRefresh, whom: key, made: now, ends: until.Add(challengeGrace)})
	name, attributes := access.BoundAttributes(device.Place)
	say := instructions{
		Identifier: device.Identifier, RefreshURL: RefreshPath,
		Credentials: []credential{{Type: "cookie", Name: name, Attributes: attributes}},
	}
	s.reach(&say, v, device.Place)
	write(w, http.StatusOK, say)
}

// reach says where a session is used. Only pages of hosts with the same sign-in cause a refresh at another one: a page of
// any other site could learn from the time that its request takes whether the user is signed in here. The last rule that
// fits a request decides.
func (s *Binder) reach(say *instructions, v *access.Visit, place string) {
	var siblings []string
	if s.Siblings != nil {
		siblings = s.Siblings(v.Host)
	}
	if site := access.SiteOf(place); site != "" {
		// Of all hosts of the site only those of this configuration, so that a request to any other waits for nothing.
		say.Scope.Origin, say.Scope.IncludeSite = siteOrigin(v.Origin, v.Host, site), true
		say.Scope.Specification = []rule{{Type: "exclude", Domain: "*", Path: "/"}, {Type: "include", Domain: v.Host, Path: "/"}}
		for _, host := range siblings {
			say.Scope.Specification = append(say.Scope.Specification, rule{Type: "include", Domain: host, Path: "/"})
		}
	} else {
		say.Initiators = siblings
	}
	say.Scope.Specification = append(say.Scope.Specification, rule{Type: "exclude", Domain: "*", Path: browser.Base + "/assets"})
}

// siteOrigin is an origin with another host: browsers want the port to be the same.
func siteOrigin(origin, host, site string) string {
	scheme, rest, _ := strings.Cut(origin, "://")
	return scheme + "://" + site + strings.TrimPrefix(rest, host)
}

// challengeGrace is how long a challenge outlives the cookie that it came with, and how long one is good that came with a
// refusal.
const challengeGrace = time.Minute

func (s *Binder) challenge(w http.ResponseWriter, v *access.Visit, identifier string, c challenge) {
	w.Header().Set("Secure-Session-Challenge", `"`+s.seal(v, c)+`";id="`+identifier+`"`)
}
