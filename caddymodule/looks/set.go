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

// Set is what some rules look at. It is compiled when the configuration is loaded, and only read from then on.
type Set struct {
	// query: the query has to be parsed. keys are the names that rules ask for, by their folded form; with anyKey no name
	// is known beforehand.
	query  bool
	anyKey bool
	keys   map[string][]string
	// target: path and query as text, in which an escape hides a letter.
	target bool
	path   bool
	// host by a matcher that folds case; hostText by one that does not.
	host, hostText bool
	headers        []header
	grpc           bool
	remote, client bool
	// unknown: a matcher of a plugin may look at anything.
	unknown bool
	pattern *caddyhttp.MatchURLPattern
}

// header is one that rules look at.
type header struct{ name, folded string }

// Path tells whether a rule looks at the path.
func (s *Set) Path() bool { return s.path }

// Address tells whether a rule looks at the address of the client, or may.
func (s *Set) Address() bool { return s.remote || s.client || s.unknown }

// Add takes up what matchers look at. An error is a matcher that can never hold, or not always when it is meant to.
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
	default: // of a plugin, which may look at anything
		s.query, s.path, s.unknown = true, true, true
	}
	return nil
}

// mapped refuses IPv4 addresses in IPv6 form: clients have their IPv4 address, and no range in that form holds one.
func mapped(ranges []string) error {
	for _, text := range ranges {
		address, _, _ := strings.Cut(caddy.NewReplacer().ReplaceAll(text, ""), "/")
		if ip, err := netip.ParseAddr(address); err == nil && ip.Is4In6() {
			return fmt.Errorf("address %q never matches: write it as IPv4, as in %s", text, ip.Unmap())
		}
	}
	return nil
}

// alwaysEscaped are the characters that a path never has without an escape, so that an escape in a pattern meets the one
// spelling there is.
const alwaysEscaped = " \"<>\\^`{|}%#?"

func (s *Set) addPath(patterns []string) error {
	s.path = true
	for _, p := range patterns {
		if strings.Contains(p, "{") {
			continue // known with the request
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
	case canonical == "Transfer-Encoding": // net/http takes care that there is one reading
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

// values takes up the placeholders in what a matcher compares with.
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
