package looks

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
)

// Set is what a group of rules reads. It is built when the configuration is loaded and does not change afterwards.
type Set struct {
	// query: the rules read the query, so it must be parsed. keys are the parameters that rules read, in folded form;
	// anyKey: a rule may read any parameter.
	query  bool
	anyKey bool
	keys   map[string][]string
	// target: rules compare path and query as text, in which an escape hides a letter.
	target bool
	path   bool
	// host: a matcher that ignores case reads the host. hostText: a case-sensitive one does.
	host, hostText bool
	headers        []header
	grpc           bool
	remote, client bool
	// unknown: a matcher of a plugin may read anything.
	unknown bool
	pattern *caddyhttp.MatchURLPattern
}

// header is a header that rules read.
type header struct{ name, folded string }

// Path reports whether a rule reads the path.
func (s *Set) Path() bool { return s.path }

// Address reports whether a rule reads the client's address, or may read it.
func (s *Set) Address() bool { return s.remote || s.client || s.unknown }

// Add adds what matchers read. It returns an error for a matcher that can never match, or that does not match in all
// the cases it is written for.
func (s *Set) Add(sets caddyhttp.MatcherSets) error {
	for _, set := range sets {
		for _, m := range set {
			if err := s.add(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Set) add(matcher any) error {
	switch m := matcher.(type) {
	case *caddyhttp.MatchPath:
		return s.addPath(*m)
	case *caddyhttp.MatchPathRE:
		s.path = true
	case *caddyhttp.MatchMethod, *caddyhttp.MatchTLS:
	case *caddyhttp.MatchHost:
		s.host = true
		return s.values(*m...)
	case *caddyhttp.MatchQuery:
		s.query = true
		for name, values := range *m {
			s.key(name)
			if err := s.values(append(values, name)...); err != nil {
				return err
			}
		}
	case *caddyhttp.MatchHeader:
		for name, values := range *m {
			s.header(name)
			if err := s.values(values...); err != nil {
				return err
			}
		}
	case *caddyhttp.MatchHeaderRE:
		for name := range *m {
			s.header(name)
		}
	case *caddyhttp.MatchProtocol:
		return s.protocol(string(*m))
	case *caddyhttp.MatchRemoteIP:
		s.remote = true
		return mapped(m.Ranges)
	case *caddyhttp.MatchClientIP:
		s.client = true
		return mapped(m.Ranges)
	case *caddyhttp.VarsMatcher:
		for name, values := range *m {
			if err := s.variable(name); err != nil {
				return err
			}
			if err := s.values(values...); err != nil {
				return err
			}
		}
	case *caddyhttp.MatchVarsRE:
		for name := range *m {
			if err := s.variable(name); err != nil {
				return err
			}
		}
	case *caddyhttp.MatchExpression:
		return s.expression(m)
	case *caddyhttp.MatchURLPattern:
		return s.urlPattern(m.Pattern)
	case *fileserver.MatchFile:
		s.path = true
		return s.values(append(slices.Clone(m.TryFiles), m.Root, m.FileSystem)...)
	case *caddyhttp.MatchNot:
		for _, set := range m.MatcherSets {
			if err := s.Add(caddyhttp.MatcherSets{set}); err != nil {
				return err
			}
		}
	default: // of a plugin, which may read anything
		s.query, s.path, s.unknown = true, true, true
	}
	return nil
}

// mapped refuses IPv4 addresses in IPv6 form: clients have IPv4 addresses in IPv4 form, so such a range never matches.
func mapped(ranges []string) error {
	for _, text := range ranges {
		address, _, _ := strings.Cut(caddy.NewReplacer().ReplaceAll(text, ""), "/")
		if ip, err := netip.ParseAddr(address); err == nil && ip.Is4In6() {
			return fmt.Errorf("address %q never matches: write it as IPv4, as in %s", text, ip.Unmap())
		}
	}
	return nil
}

// alwaysEscaped are the characters that are always escaped in a path, so that an escape of one of them in a pattern is
// the only spelling.
const alwaysEscaped = " \"<>\\^`{|}%#?"

func (s *Set) addPath(patterns []string) error {
	s.path = true
	for _, p := range patterns {
		if strings.Contains(p, "{") {
			continue // known only at the request
		}
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("path %q never matches: %w", p, err)
		}
		for rest := p; ; {
			i := strings.IndexByte(rest, '%')
			if i < 0 {
				break
			}
			rest = rest[i+1:]
			if strings.HasPrefix(rest, "*") || len(rest) < 2 {
				continue
			}
			c, ok := unhex(rest[0], rest[1])
			if !ok || c > ' ' && c < 0x7f && !strings.ContainsRune(alwaysEscaped, rune(c)) {
				return fmt.Errorf("path %q matches one spelling of the path and not the others: write %q and not %q", p, string(rune(c)), "%"+rest[:2])
			}
		}
	}
	return s.values(patterns...)
}

var protocols = []string{
	"grpc", "http", "https", "http/1.0", "http/1.0+", "http/1.1", "http/1.1+", "http/2", "http/2+", "http/3", "http/3+",
}

func (s *Set) protocol(name string) error {
	if !slices.Contains(protocols, name) {
		return fmt.Errorf("protocol %q never matches, expected one of %s", name, strings.Join(protocols, ", "))
	}
	if name == "grpc" {
		s.grpc = true
		s.header("Content-Type")
	}
	return nil
}

func (s *Set) header(name string) {
	switch canonical := canonicalHeader(name); {
	case canonical == "Host":
		s.hostText = true
	case canonical == "Transfer-Encoding": // net/http ensures that there is only one reading
	case !slices.ContainsFunc(s.headers, func(h header) bool { return h.name == canonical }):
		s.headers = append(s.headers, header{canonical, foldHeader(canonical)})
	}
}

func (s *Set) key(name string) {
	if strings.Contains(name, "{") {
		s.anyKey = true
		return
	}
	folded := foldKey(name)
	if slices.Contains(s.keys[folded], name) {
		return
	}
	if s.keys == nil {
		s.keys = make(map[string][]string)
	}
	s.keys[folded] = append(s.keys[folded], name)
}

func (s *Set) urlPattern(pattern string) error {
	s.path, s.host, s.query, s.target = true, true, true, s.target || strings.Contains(pattern, "?")
	if s.pattern != nil {
		return nil
	}
	every := &caddyhttp.MatchURLPattern{Pattern: "/*"}
	if err := every.Provision(caddy.Context{}); err != nil {
		return err
	}
	s.pattern = every
	return nil
}

var inBraces = regexp.MustCompile(`\{([^{}]*)\}`)

// values adds the placeholders in the values that a matcher compares with.
func (s *Set) values(texts ...string) error {
	for _, text := range texts {
		for _, m := range inBraces.FindAllStringSubmatch(text, -1) {
			if err := s.placeholder(m[1]); err != nil {
				return err
			}
		}
	}
	return nil
}
