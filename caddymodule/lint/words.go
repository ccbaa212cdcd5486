package lint

import (
	"encoding/json"
	"slices"
	"strings"
)

const (
	headerWord = "header"
	redirWord  = "redir"
)

// answering maps handlers that answer to the names of their directives.
var answering = map[string]string{
	"error": "error", "reverse_proxy": "reverse_proxy", "file_server": "file_server", "metrics": "metrics", "acme_server": "acme_server",
}

// wordOf returns the directive of a handler that answers or sets headers; nothing for other handlers.
func wordOf(handler string, raw json.RawMessage) []string {
	switch handler {
	case "static_response":
		return []string{staticWord(raw)}
	case "headers":
		if setsHeaders(raw) {
			return []string{headerWord}
		}
	default:
		if word := answering[handler]; word != "" {
			return []string{word}
		}
	}
	return nil
}

func staticWord(raw json.RawMessage) string {
	var h struct {
		Headers map[string]json.RawMessage `json:"headers"`
		Abort   bool                       `json:"abort"`
	}
	_ = json.Unmarshal(raw, &h) // a configuration that cannot be parsed counts as respond
	switch {
	case h.Abort:
		return "abort"
	case h.Headers["Location"] != nil:
		return redirWord
	}
	return "respond"
}

// forEverybody are headers that suit every answer to every client and do not change Latchkey's pages.
var forEverybody = []string{
	"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-Xss-Protection", "X-Robots-Tag", "Referrer-Policy", "Permissions-Policy",
	"Server", "Via", "X-Powered-By", "Alt-Svc", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
}

// setsHeaders reports whether a headers handler changes a response header that is not in forEverybody.
func setsHeaders(raw json.RawMessage) bool {
	type ops struct {
		Add     map[string]json.RawMessage `json:"add"`
		Set     map[string]json.RawMessage `json:"set"`
		Replace map[string]json.RawMessage `json:"replace"`
		Delete  []string                   `json:"delete"`
	}
	var h struct {
		Response *ops `json:"response"`
	}
	if json.Unmarshal(raw, &h) != nil || h.Response == nil {
		return false
	}
	names := slices.Clone(h.Response.Delete)
	for _, set := range []map[string]json.RawMessage{h.Response.Add, h.Response.Set, h.Response.Replace} {
		for name := range set {
			names = append(names, name)
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return !slices.ContainsFunc(forEverybody, func(known string) bool { return strings.EqualFold(known, name) })
	})
}
