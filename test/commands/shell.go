package commands

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Split returns the commands of a script, each as its words without quotes: those of a pipeline and of $(...) as well. It
// knows as much of a shell as a document needs; anything else is an error. Assignments in front of a command are left out, and
// so are redirections.
func Split(script string) ([][]string, error) {
	s := splitter{rest: []rune(script)}
	if err := s.run(); err != nil {
		return nil, fmt.Errorf("%w in %q", err, script)
	}
	return s.commands, nil
}

type splitter struct {
	rest     []rune
	commands [][]string
	words    []string
	word     strings.Builder
	begun    bool // there is a word, if an empty one
}

func (s *splitter) run() error {
	for len(s.rest) > 0 {
		r := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case r == '\\':
			if err := s.escaped(); err != nil {
				return err
			}
		case r == '\n' || r == ';' || r == '|' || r == '&':
			s.endCommand()
		case unicode.IsSpace(r):
			s.endWord()
		case r == '#' && !s.begun:
			s.skipLine()
		case r == '\'' || r == '"':
			if err := s.quoted(r); err != nil {
				return err
			}
		case r == '$' && len(s.rest) > 0 && s.rest[0] == '(':
			if err := s.substitution(); err != nil {
				return err
			}
		case strings.ContainsRune("<>`(){}", r):
			return fmt.Errorf("%q has no meaning here", r)
		default:
			s.add(r)
		}
	}
	s.endCommand()
	return nil
}

func (s *splitter) add(r rune) {
	s.word.WriteRune(r)
	s.begun = true
}

// escaped reads what stands behind a backslash. With the end of the line it is nothing.
func (s *splitter) escaped() error {
	if len(s.rest) == 0 {
		return errors.New("a backslash at the end")
	}
	if s.rest[0] != '\n' {
		s.add(s.rest[0])
	}
	s.rest = s.rest[1:]
	return nil
}

func (s *splitter) skipLine() {
	for len(s.rest) > 0 && s.rest[0] != '\n' {
		s.rest = s.rest[1:]
	}
}

func (s *splitter) quoted(by rune) error {
	s.begun = true
	for i, r := range s.rest {
		if r == by {
			s.word.WriteString(string(s.rest[:i]))
			s.rest = s.rest[i+1:]
			return nil
		}
	}
	return errors.New("a quote without an end")
}

// substitution reads $(...): its commands count, its output is a word that nothing is known of.
func (s *splitter) substitution() error {
	depth := 0
	for i, r := range s.rest {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			inside, err := Split(string(s.rest[1:i]))
			if err != nil {
				return err
			}
			s.commands = append(s.commands, inside...)
			s.rest = s.rest[i+1:]
			s.add('x')
			return nil
		}
	}
	return errors.New("a $( without an end")
}

func (s *splitter) endWord() {
	if s.begun {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.begun = false
}

func (s *splitter) endCommand() {
	s.endWord()
	for len(s.words) > 0 && assignment(s.words[0]) {
		s.words = s.words[1:]
	}
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words = nil
}

func assignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r != '_' && !unicode.IsUpper(r) && !unicode.IsDigit(r) })
}
