package looks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

var (
	literal    = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"`)
	callMethod = regexp.MustCompile(`\bmethod\s*\(([^)]*)\)`)
	callProto  = regexp.MustCompile(`\bprotocol\s*\(\s*['"]([^'"]*)['"]`)
	calls      = regexp.MustCompile(`\b(client_ip|file|header|header_regexp|host|path|path_regexp|query|remote_ip|url_pattern|vars|vars_regexp)\s*\(`)
)

// expression adds what an expression reads. It does not analyse which argument belongs to which function: it treats
// every string in the expression as an argument of every called function. It can therefore add too much but never too
// little.
func (s *Set) expression(m *caddyhttp.MatchExpression) error {
	for _, name := range m.Placeholders() {
		if name == "" { // known only at the request
			s.query, s.path = true, true
			continue
		}
		if err := s.placeholder(name); err != nil {
			return err
		}
	}
	var texts []string
	for _, found := range literal.FindAllStringSubmatch(m.Expr, -1) {
		texts = append(texts, found[1]+found[2])
	}
	for _, found := range callMethod.FindAllStringSubmatch(m.Expr, -1) {
		if strings.ToUpper(found[1]) != found[1] {
			return fmt.Errorf("method(%s) never matches in an expression: write methods in upper case", found[1])
		}
	}
	for _, found := range callProto.FindAllStringSubmatch(m.Expr, -1) {
		if err := s.protocol(strings.ToLower(found[1])); err != nil {
			return err
		}
	}
	for _, found := range calls.FindAllStringSubmatch(m.Expr, -1) {
		if err := s.call(found[1], texts); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) call(function string, texts []string) error {
	switch function {
	case "client_ip":
		s.client = true
		return mapped(texts)
	case "remote_ip":
		s.remote = true
		return mapped(texts)
	case "host":
		s.host = true
	case "path":
		for _, text := range texts {
			if strings.HasPrefix(text, "/") {
				if err := s.addPath([]string{text}); err != nil {
					return err
				}
			}
		}
		s.path = true
	case "path_regexp", "file":
		s.path = true
	case "query":
		s.query = true
		for _, text := range texts {
			s.key(text)
		}
	case "header", "header_regexp":
		for _, text := range texts {
			if isHeaderName(text) {
				s.header(text)
			}
		}
	case "url_pattern":
		return s.urlPattern(strings.Join(texts, " "))
	case "vars", "vars_regexp":
		s.query = true
		return s.values(texts...)
	}
	return nil
}
