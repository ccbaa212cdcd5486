package site

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/session"
)

// identityHeader is a header that tells the application something about the person: a text, or a list where there is one.
type identityHeader struct {
	name  string // canonical
	value func(*session.Record) (text string, list []string)
	only  *identity.Only
}

// write returns what stands in the header; nothing if it is to be absent.
func (i *identityHeader) write(w *identity.Writer, user string, who *session.Record) string {
	text, list := i.value(who)
	switch {
	case text != "" && i.only != nil: // some providers state a list of one as a text
		list = []string{text}
	case text != "":
		return w.Text(i.name, user, text)
	}
	return w.List(i.name, user, i.only.Keep(list))
}

// presetValues are what the headers of a preset carry, in the order in which headerPresets names them. Blanks around a
// name are taken off rather than the header left out: a name is for people to read, and does not tell users apart.
var presetValues = []func(*session.Record) (string, []string){
	nil, // the user name, which depends on the provider
	func(s *session.Record) (string, []string) { return s.Email, nil },
	func(s *session.Record) (string, []string) { return strings.Trim(s.Name, " "), nil },
	func(s *session.Record) (string, []string) { return "", s.Groups },
}
