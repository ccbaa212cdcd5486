package caddysecurity

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// importer puts snippets and imported files in place of the lines that name them.
type importer struct {
	options  draft.Options
	snippets map[string][]*node
	// routes are the named routes, which `invoke` names.
	routes map[string][]*node
	nodes  int
	bytes  int
	// used says that an import was followed.
	used bool
	// unread are the imports that were not followed.
	unread []*node
}

// scope is what a line is read with: the words and the block of the import around it, and what is imported around it.
type scope struct {
	args   []string
	blocks []*node
	inside bool
	stack  []string
}

// file reads a whole file, with the blocks of all files that it imports.
func (m *importer) file(name string, source []byte, s scope) (all []*node, err error) {
	p, err := newParser(name, source)
	if err != nil {
		return nil, err
	}
	nodes, err := p.blocks()
	if err != nil {
		return nil, err
	}
	return m.top(nodes, s)
}

func (m *importer) top(nodes []*node, s scope) (all []*node, err error) {
	for _, n := range nodes {
		name := n.name()
		switch {
		case name == "import":
			found, err := m.imported(n, s, true)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		case strings.HasPrefix(name, "&(") && strings.HasSuffix(name, ")") && len(n.words) == 1:
			if m.routes[name[2:len(name)-1]], err = m.lines(n.inner, s); err != nil {
				return nil, err
			}
		case strings.HasPrefix(name, "(") && strings.HasSuffix(name, ")") && len(n.words) == 1:
			m.snippets[name[1:len(name)-1]] = n.inner
		default:
			one := *n
			one.words = nil
			for _, word := range m.replaced(s, n.words) {
				if word = strings.TrimSuffix(word, ","); word != "" {
					one.words = append(one.words, word)
				}
			}
			if one.inner, err = m.lines(n.inner, s); err != nil {
				return nil, err
			}
			all = append(all, &one)
		}
	}
	return all, nil
}

// lines returns the lines of a block with all that they import.
func (m *importer) lines(nodes []*node, s scope) (all []*node, err error) {
	for _, n := range nodes {
		if m.nodes++; m.nodes > maxNodes || m.bytes > maxBytes {
			return nil, n.Errorf("the file has more than %d lines or %d MB with all that it imports", maxNodes, maxBytes>>20)
		}
		if n.name() == "import" {
			found, err := m.imported(n, s, false)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			continue
		}
		if found, ok := s.block(n); ok {
			outer := s
			outer.blocks, outer.inside = nil, false
			found, err = m.lines(found, outer)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			continue
		}
		one := *n
		if one.words = m.replaced(s, n.words); len(one.words) == 0 {
			continue
		}
		one.Key = one.words[0]
		if one.inner, err = m.lines(n.inner, s); err != nil {
			return nil, err
		}
		all = append(all, &one)
	}
	return all, nil
}

// imported returns what an import stands for.
func (m *importer) imported(n *node, s scope, top bool) (all []*node, err error) {
	words := m.replaced(s, n.words)
	if len(words) < 2 || words[1] == "" {
		return nil, n.Errorf("an import names nothing")
	}
	pattern := words[1]
	blocks, err := m.lines(n.inner, s)
	if err != nil {
		return nil, err
	}
	inner := scope{args: words[2:], blocks: blocks, inside: true, stack: append(slices.Clip(s.stack), "("+pattern+")")}
	if body, ok := m.snippets[pattern]; ok {
		if slices.Contains(s.stack, "("+pattern+")") {
			return nil, n.Errorf("a snippet imports itself")
		}
		return m.follow(n, body, inner, top)
	}
	if m.options.Import == nil || strings.Contains(pattern, "{") {
		m.unread = append(m.unread, n)
		return []*node{{Origin: n.Origin, words: []string{"import"}}}, nil
	}
	files, err := m.options.Import(n.File, pattern)
	if err != nil {
		return nil, n.Errorf("%w", err)
	}
	if len(files) == 0 { // on the server there may be some
		m.unread = append(m.unread, n)
		return []*node{{Origin: n.Origin, words: []string{"import"}}}, nil
	}
	for _, f := range files {
		if slices.Contains(s.stack, f.Name) {
			return nil, n.Errorf("a file imports itself")
		}
		inner.stack = append(slices.Clip(s.stack), f.Name)
		p, err := newParser(f.Name, f.Source)
		if err != nil {
			return nil, err
		}
		var body []*node
		if top {
			body, err = p.blocks()
		} else {
			body, err = p.lines(0, false)
		}
		if err != nil {
			return nil, err
		}
		found, err := m.follow(n, body, inner, top)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (m *importer) follow(n *node, body []*node, s scope, top bool) ([]*node, error) {
	m.used = true
	if m.nodes++; len(s.stack) > maxNested || m.nodes > maxNodes || m.bytes > maxBytes {
		return nil, n.Errorf("imports are nested too deep, or the file has more than %d lines or %d MB with them", maxNodes, maxBytes>>20)
	}
	if top {
		return m.top(body, s)
	}
	return m.lines(body, s)
}

var (
	oneArg  = regexp.MustCompile(`\{args(?:\[([0-9]{1,4})\]|\.([0-9]{1,4}))\}`)
	allArgs = regexp.MustCompile(`^\{args\[([0-9]{0,4}):([0-9]{0,4})\]\}$`)
	blockOf = regexp.MustCompile(`^\{blocks\.([A-Za-z0-9_.-]+)\}$`)
)

// replaced returns words with those of the import around them.
func (m *importer) replaced(s scope, words []string) (all []string) {
	if !s.inside {
		return words
	}
	for _, word := range words {
		if m.bytes > maxBytes {
			return all
		}
		if found := allArgs.FindStringSubmatch(word); found != nil {
			from, _ := strconv.Atoi(found[1])
			to, err := strconv.Atoi(found[2])
			if err != nil || to > len(s.args) {
				to = len(s.args)
			}
			if from < to {
				all = append(all, s.args[from:to]...)
				m.bytes += len(strings.Join(s.args[from:to], " "))
			}
			continue
		}
		if found := blockOf.FindStringSubmatch(word); found != nil {
			for _, b := range s.blocks {
				if b.name() == found[1] {
					all = append(all, b.args()...)
				}
			}
			continue
		}
		all = append(all, oneArg.ReplaceAllStringFunc(word, func(text string) string {
			found := oneArg.FindStringSubmatch(text)
			i, err := strconv.Atoi(found[1] + found[2])
			if err != nil || i >= len(s.args) || m.bytes > maxBytes {
				return text
			}
			m.bytes += len(s.args[i])
			return s.args[i]
		}))
	}
	return all
}

// block returns the lines that stand in the block of the import around a line, if the line is for them.
func (s scope) block(n *node) (inner []*node, ok bool) {
	if !s.inside || len(n.words) != 1 || n.block {
		return nil, false
	}
	if n.words[0] == "{block}" {
		return s.blocks, true
	}
	m := blockOf.FindStringSubmatch(n.words[0])
	if m == nil {
		return nil, false
	}
	for _, b := range s.blocks {
		if b.name() != m[1] {
			continue
		}
		if len(b.args()) > 0 {
			o := b.Origin
			o.Key = b.arg(0)
			inner = append(inner, &node{Origin: o, words: b.args(), block: b.block, inner: b.inner})
		} else {
			inner = append(inner, b.inner...)
		}
	}
	return inner, true
}
