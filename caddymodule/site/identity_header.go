package site

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/session"
)

// identityHeader is a header with information about the user: a string or a list.
type identityHeader struct {
	name  string // canonical
	value func(*session.Record) (text string, list []string)
	only  *identity.Only
}

// write returns the value of the header. An empty value means that the header is absent.
func (i *identityHeader) write(w *identity.Writer, user string, who *session.Record) string {
	text, list := i.value(who)
	switch {
	case text != "" && i.only != nil: // some providers send a list with one element as a string
		list = []string{text}
	case text != "":
		return w.Text(i.name, user, text)
	}
	return w.List(i.name, user, i.only.Keep(list))
}

// presetValues returns the values of the headers of a preset, in the order of headerPresets. Spaces around a display
// name are trimmed instead of dropping the header: the name is only shown and does not identify the user.
var presetValues = []func(*session.Record) (string, []string){
	nil, // the user name; it depends on the provider
	func(s *session.Record) (string, []string) { return s.Email, nil },
	func(s *session.Record) (string, []string) { return strings.Trim(s.Name, " "), nil },
	func(s *session.Record) (string, []string) { return "", s.Groups },
}
