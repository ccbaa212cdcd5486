package looks

import (
	"fmt"
	"strings"
)

// variable adds what vars and vars_regexp compare: a placeholder in braces, or a variable.
func (s *Set) variable(name string) error {
	if strings.HasPrefix(name, "{") && strings.HasSuffix(name, "}") && strings.Count(name, "{") == 1 {
		return s.placeholder(strings.Trim(name, "{}"))
	}
	return s.placeholder("http.vars." + name)
}

// placeholder adds a placeholder by its full name.
func (s *Set) placeholder(name string) error {
	switch rest, own := strings.CutPrefix(name, "http."); {
	case own:
		return s.httpPlaceholder(name, rest)
	case isShort(name):
		return fmt.Errorf("{%s} has no value here: short names of placeholders are for sites, write the full name, such as {http.request.method}", name)
	case hasPrefix(name, "env.", "file.", "time.", "system."):
	default: // known only at the request, or of a plugin
		s.query = true
	}
	return nil
}

func (s *Set) httpPlaceholder(name, rest string) error {
	if hasPrefix(rest, "auth.", "latchkey.") {
		return fmt.Errorf("{%s} has no value yet when rules are evaluated: say it with include, exclude, allow or deny", name)
	}
	request, ok := strings.CutPrefix(rest, "request.")
	switch {
	case rest == "vars.client_ip":
		s.client = true
	case hasPrefix(rest, "regexp.", "matchers.file."):
	case !ok: // variables and maps, which a handler may have filled from the query
		s.query = true
	case request == "host", request == "hostport", hasPrefix(request, "host."):
		s.hostText = true
	case hasPrefix(request, "header."):
		s.header(strings.TrimPrefix(request, "header."))
	case hasPrefix(request, "cookie."):
		s.header("Cookie")
	case request == "remote", hasPrefix(request, "remote."):
		s.remote = true
	case hasPrefix(request, "uri.query."):
		s.query = true
		s.key(strings.TrimPrefix(request, "uri.query."))
	case hasPrefix(request, "uri.path", "orig_uri.path"):
		s.path = true
	case hasPrefix(request, "uri", "orig_uri"):
		s.path, s.query, s.anyKey, s.target = true, true, true, true
	}
	return nil
}

// shortNames are the placeholders, up to their first dot, that have a short name in a Caddyfile.
var shortNames = map[string]bool{
	"client_ip": true, "cookie": true, "dir": true, "header": true, "host": true, "hostport": true, "labels": true, "method": true,
	"orig_dir": true, "orig_file": true, "orig_method": true, "orig_path": true, "orig_query": true, "orig_uri": true, "path": true,
	"port": true, "prefixed_query": true, "query": true, "re": true, "remote": true, "remote_host": true, "remote_port": true,
	"scheme": true, "uri": true, "uuid": true, "vars": true,
}

func isShort(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return shortNames[first] || name == "file"
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
