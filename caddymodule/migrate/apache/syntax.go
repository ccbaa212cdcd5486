package apache

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// directive is a directive of Apache's configuration, or a section with the directives in it.
type directive struct {
	draft.Origin
	// name is the name in lower case: Apache's have no case.
	name string
	args []string
	// inner are the directives of a section; section says that it is one.
	inner   []*directive
	section bool
	// read says that it was taken over or that a note is about it.
	read bool
}

const (
	// maxNested is how deep sections may be nested.
	maxNested = 32
	// maxArgs is how many words a directive may have.
	maxArgs = 1000
)

// parse reads a configuration. Errors name the line and never a value.
func parse(source string) (*directive, error) {
	root := &directive{section: true}
	open := []*directive{root}
	lines := strings.Split(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		at, text := i+1, lines[i]
		if strings.HasSuffix(text, `\`) {
			var whole strings.Builder
			for ; strings.HasSuffix(lines[i], `\`) && i+1 < len(lines); i++ {
				whole.WriteString(strings.TrimSuffix(lines[i], `\`))
			}
			whole.WriteString(lines[i])
			text = whole.String()
		}
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		top := open[len(open)-1]
		if name, ok := strings.CutPrefix(text, "</"); ok {
			name = strings.ToLower(strings.TrimSpace(strings.TrimSuffix(name, ">")))
			if len(open) == 1 || top.name != name {
				return nil, draft.At("", at).Errorf("a section ends that does not begin before it")
			}
			open = open[:len(open)-1]
			continue
		}
		d, err := parseLine(text, at)
		if err != nil {
			return nil, err
		}
		top.inner = append(top.inner, d)
		if d.section {
			if open = append(open, d); len(open) > maxNested {
				return nil, d.Errorf("sections are nested too deep")
			}
		}
	}
	if len(open) > 1 {
		return nil, open[len(open)-1].Errorf("the section does not end")
	}
	return root, nil
}

func parseLine(text string, at int) (*directive, error) {
	d := &directive{Origin: draft.At("", at)}
	if text[0] == '<' {
		inner, ok := strings.CutSuffix(text[1:], ">")
		if !ok {
			return nil, d.Errorf("the section has no > at its end")
		}
		d.section, text = true, strings.TrimSpace(inner)
	}
	args, ok := fields(text)
	if !ok || len(args) == 0 || len(args) > maxArgs {
		return nil, d.Errorf("a quote does not end, there is no name, or there are too many words")
	}
	d.Key, d.name, d.args = args[0], strings.ToLower(args[0]), args[1:]
	if !isName(d.Key) {
		d.Key = ""
		return nil, d.Errorf("the line does not begin with the name of a directive")
	}
	return d, nil
}

func isName(text string) bool {
	return text != "" && len(text) <= 80 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// fields splits a line into words as Apache does: a word in quotes ends at the same quote, which a backslash escapes.
func fields(text string) (words []string, ok bool) {
	for text = strings.TrimLeft(text, " \t"); text != ""; text = strings.TrimLeft(text, " \t") {
		quote := text[0]
		if quote != '"' && quote != '\'' {
			word, rest := text, ""
			if end := strings.IndexAny(text, " \t"); end >= 0 {
				word, rest = text[:end], text[end:]
			}
			words, text = append(words, word), rest
			continue
		}
		var word strings.Builder
		i := 1
		for ; i < len(text) && text[i] != quote; i++ {
			if text[i] == '\\' && i+1 < len(text) && (text[i+1] == quote || text[i+1] == '\\') {
				i++
			}
			word.WriteByte(text[i])
		}
		if i >= len(text) {
			return nil, false
		}
		words, text = append(words, word.String()), text[i+1:]
	}
	return words, true
}

// arg returns a word of the directive, or an empty text.
func (d *directive) arg(i int) string {
	if i < len(d.args) {
		return d.args[i]
	}
	return ""
}

// value is the words as entries have them: one text, or a list.
func (d *directive) value() any {
	if len(d.args) == 1 {
		return d.args[0]
	}
	list := make([]any, len(d.args))
	for i, a := range d.args {
		list[i] = a
	}
	return list
}

// expand puts in the variables of Define. Others are those of the environment, which are not known here.
func expand(root *directive) error {
	defined := map[string]string{}
	var walk func(d *directive) error
	walk = func(d *directive) error {
		for _, one := range d.inner {
			for i, arg := range one.args {
				text, err := replaced(one, arg, defined)
				if err != nil {
					return err
				}
				one.args[i] = text
			}
			if one.name == "define" && isName(one.arg(0)) && len(defined) < draft.MaxList {
				defined[one.arg(0)] = one.arg(1)
				one.read = true
			}
			if err := walk(one); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(root)
}

func replaced(d *directive, text string, defined map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, after, ok := strings.Cut(rest, "}")
		value, known := defined[name]
		switch {
		case !ok:
			b.WriteString("${" + rest)
			return b.String(), nil
		case known:
			b.WriteString(value)
		default:
			b.WriteString("${" + name + "}")
		}
		if b.Len() > 16*draft.MaxValue {
			return "", d.Errorf("is too long with its variables")
		}
		text = after
	}
}
