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

// answering are handlers that answer, by the directives that people know them by.
var answering = map[string]string{
	"error": "error", "reverse_proxy": "reverse_proxy", "file_server": "file_server", "metrics": "metrics", "acme_server": "acme_server",
}

// wordOf is the directive for a handler that answers or sets headers; nothing for any other.
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
	_ = json.Unmarshal(raw, &h) // what cannot be read is a respond
	switch {
	case h.Abort:
		return "abort"
	case h.Headers["Location"] != nil:
		return redirWord
	}
	return "respond"
}

// forEverybody are headers that are meant for every answer, whoever gets it, and that change nothing on our pages.
var forEverybody = []string{
	"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-Xss-Protection", "X-Robots-Tag", "Referrer-Policy", "Permissions-Policy",
	"Server", "Via", "X-Powered-By", "Alt-Svc", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
}

// setsHeaders reports whether a handler of headers touches an answer in a way that is not for everybody.
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
