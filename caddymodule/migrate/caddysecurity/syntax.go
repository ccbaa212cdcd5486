package caddysecurity

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// node is a line of a Caddyfile with the block behind it.
type node struct {
	// Origin has the first word as its key.
	draft.Origin
	words []string
	block bool
	inner []*node
}

const (
	// maxNested is how deep blocks and imports may be nested.
	maxNested = 40
	// maxNodes is how many lines a Caddyfile may have with its imports.
	maxNodes = 20_000
	// maxBytes is how much imports with arguments may add to it.
	maxBytes = 1 << 20
)

// arg returns a word behind the first one, or an empty text.
func (n *node) arg(i int) string {
	if i+1 < len(n.words) {
		return n.words[i+1]
	}
	return ""
}

// args are the words behind the first one.
func (n *node) args() []string {
	if len(n.words) == 0 {
		return nil
	}
	return n.words[1:]
}

// name is the first word.
func (n *node) name() string {
	if len(n.words) == 0 {
		return ""
	}
	return n.words[0]
}

// at returns the origin with more words of the vocabulary in its key.
func (n *node) at(words ...string) draft.Origin {
	o := n.Origin
	o.Key = strings.Join(append([]string{n.Key}, words...), " ")
	return o
}

// parser reads the words of one file.
type parser struct {
	file   string
	tokens []caddyfile.Token
	i      int
}

var lineOf = regexp.MustCompile(`line #?([0-9]+)`)

// newParser reads the words of a file.
func newParser(file string, source []byte) (*parser, error) {
	if !utf8.Valid(source) || strings.ContainsRune(string(source), 0) {
		return nil, draft.Origin{File: file}.Errorf("this is no text in UTF-8")
	}
	tokens, err := caddyfile.Tokenize(source, "")
	if err != nil {
		o := draft.Origin{File: file}
		if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
			o.Line, _ = strconv.Atoi(m[1])
		}
		return nil, o.Errorf("the words cannot be told apart: a text of several lines does not end, or its lines do not begin alike")
	}
	return &parser{file: file, tokens: tokens}, nil
}

func (p *parser) more() bool { return p.i < len(p.tokens) }

// opens and closes report whether the next word is a brace that begins or ends a block.
func (p *parser) opens() bool {
	return p.more() && p.tokens[p.i].Text == "{" && !p.tokens[p.i].Quoted()
}

func (p *parser) closes() bool {
	return p.more() && p.tokens[p.i].Text == "}" && !p.tokens[p.i].Quoted()
}

// sameLine reports whether the next word stands in the line of the word before it.
func (p *parser) sameLine() bool {
	before := p.tokens[p.i-1]
	return p.more() && p.tokens[p.i].Line <= before.Line+before.NumLineBreaks()
}

func (p *parser) errorf(line int, text string) error {
	return draft.Origin{Line: line, File: p.file}.Errorf("%s", text)
}

// blocks reads a whole file: blocks with the addresses of sites, snippets and the global options in front.
func (p *parser) blocks() (all []*node, err error) {
	for p.more() {
		first := p.tokens[p.i]
		n := &node{Origin: draft.Origin{Line: first.Line, File: p.file}}
		another := false
		for p.more() && !p.opens() {
			if p.closes() {
				return nil, p.errorf(p.tokens[p.i].Line, "a block ends that does not begin")
			}
			if len(n.words) > 0 && !another && !p.sameLine() {
				break
			}
			word := p.tokens[p.i].Text
			p.i++
			if n.words != nil && n.words[0] == "import" {
				n.words = append(n.words, word)
				continue
			}
			word, another = strings.CutSuffix(word, ",")
			if word != "" {
				n.words = append(n.words, word)
			}
		}
		n.Key = n.name()
		switch {
		case p.opens() && (len(n.words) == 0 || p.sameLine() || another):
			if n.inner, err = p.body(n.Line, 0); err != nil {
				return nil, err
			}
			n.block = true
		case n.name() != "import" && len(all) == 0 && p.i > 0:
			// the only site of a file needs no braces
			n.block = true
			if n.inner, err = p.lines(0, false); err != nil {
				return nil, err
			}
		case n.name() != "import":
			return nil, p.errorf(n.Line, "a site has no block, or its brace stands in another line")
		}
		all = append(all, n)
	}
	return all, nil
}

// body reads a block from its brace to the one that ends it.
func (p *parser) body(line, depth int) ([]*node, error) {
	if depth > maxNested {
		return nil, p.errorf(line, "blocks are nested too deep")
	}
	p.i++
	if p.more() && p.sameLine() {
		return nil, p.errorf(line, "a word stands behind the brace that begins a block")
	}
	inner, err := p.lines(depth, true)
	if err != nil {
		return nil, err
	}
	if !p.closes() {
		return nil, p.errorf(line, "the block does not end")
	}
	p.i++
	if p.more() && p.sameLine() && !p.closes() {
		return nil, p.errorf(p.tokens[p.i].Line, "a word stands behind the brace that ends a block")
	}
	return inner, nil
}

// lines reads the lines of a block.
func (p *parser) lines(depth int, braces bool) (all []*node, err error) {
	for p.more() && !p.closes() {
		first := p.tokens[p.i]
		if p.opens() {
			return nil, p.errorf(first.Line, "a brace stands in a line of its own")
		}
		n := &node{Origin: draft.Origin{Key: first.Text, Line: first.Line, File: p.file}}
		for p.more() && !p.opens() && !p.closes() && (len(n.words) == 0 || p.sameLine()) {
			n.words = append(n.words, p.tokens[p.i].Text)
			p.i++
		}
		if p.opens() && p.sameLine() {
			if n.inner, err = p.body(n.Line, depth+1); err != nil {
				return nil, err
			}
			n.block = true
		}
		all = append(all, n)
	}
	if !braces && p.closes() {
		return nil, p.errorf(p.tokens[p.i].Line, "a block ends that does not begin")
	}
	return all, nil
}
