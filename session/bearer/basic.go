package bearer

import (
	"net/http"
	"slices"
	"strings"
)

// Clients that know Basic and nothing else are recognised by what they do. A client that is taken for another kind is still
// asked for both.

// davMethods are the methods of WebDAV and CalDAV (RFC 4918, 3253, 3744, 4791, 5323) that no page sends.
var davMethods = []string{
	"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "ACL", "MKCALENDAR", "SEARCH", "VERSION-CONTROL", "MKACTIVITY", "CHECKOUT", "MERGE",
}

// basicAgents begin the User-Agent of clients that ask for other things first, or for nothing else.
var basicAgents = []string{
	"git/", "git-lfs/", "JGit/", "cadaver/", "davfs2/", "rclone/", "Mercurial/", "mercurial/", "SVN/", "DAVx5/", "iOS/", "macOS/", "dataaccessd/",
	"docker/", "containers/", "containerd/", "skopeo/", "buildkit/", "go-containerregistry/", "oras-go", "Helm/",
}

// knowsBasic reports whether a request is of a client that knows Basic and most likely nothing else.
func knowsBasic(r *http.Request) bool {
	if slices.Contains(davMethods, r.Method) || r.Header["Git-Protocol"] != nil || r.Header["Depth"] != nil {
		return true
	}
	path := r.URL.Path
	if path == "/v2/" { // of container registries, whose clients ask it first and read the first challenge
		return true
	}
	for _, end := range []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	agent := r.UserAgent()
	return slices.ContainsFunc(basicAgents, func(name string) bool { return strings.HasPrefix(agent, name) })
}

// ofPage reports whether a page of a browser makes a request. A challenge for Basic opens the browser's own window for a
// password, over the page. Browsers say where a request comes from; old ones say at least which page it is of. Thunderbird is
// made of a browser, and asks for calendars.
func ofPage(r *http.Request) bool {
	agent := r.UserAgent()
	if strings.Contains(agent, "Thunderbird/") {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "none"
	}
	return strings.HasPrefix(agent, "Mozilla/") && (r.Header["Origin"] != nil || r.Header["Referer"] != nil)
}
