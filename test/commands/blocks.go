package commands

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Reasons are why a block is not run, by the word that stands behind not-run=.
var Reasons = map[string]string{
	"build":          "it builds for minutes; CI does the same in another way",
	"server":         "it goes on until it is stopped; other tests start the same",
	"other-program":  "it is about a program of others that the tests do not have, or about a name of the reader's network",
	"clients-test":   "the tests in test/clients_*_test.go do the same with a real client and a real server",
	"measurement":    "it measures for minutes, on a machine that does nothing else",
	"packages":       "it needs a package that is installed; `make packages-test` does the same in a clean Debian",
	"older-key":      "it needs a key that no sign-in needs any more; test/rotation_test.go retires one",
	"transmitter":    "it needs a transmitter of events; test/signals_manage_test.go does the same with one",
	"identity":       "it needs a provider that issues access tokens to programs; test/bearer_test.go does the same with one",
	"running-server": "it changes a server that runs; test/reload_test.go does the same",
}

// Block is one code block of a document.
type Block struct {
	File string
	Line int    // of its first line of text
	Info string // what stands behind the fence
	Text string
}

// Language is the first word behind the fence.
func (b Block) Language() string {
	language, _, _ := strings.Cut(b.Info, " ")
	return language
}

// NotRun returns the reason for which no test runs the block; empty: one does.
func (b Block) NotRun() string {
	for _, word := range strings.Fields(b.Info) {
		if reason, ok := strings.CutPrefix(word, "not-run="); ok {
			return reason
		}
	}
	return ""
}

// Where names the place of the block.
func (b Block) Where() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

// Documents returns the Markdown files of the repository that a reader is meant to read, relative to root.
func Documents(root string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			names = append(names, path)
		}
		return err
	})
	for i, name := range names {
		if names[i], err = filepath.Rel(root, name); err != nil {
			return nil, err
		}
		names[i] = filepath.ToSlash(names[i])
	}
	slices.Sort(names)
	return names, err
}

// Blocks returns the code blocks of a document below root, and its text without them.
func Blocks(root, file string) (blocks []Block, prose string, err error) {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, "", err
	}
	blocks, prose, err = split(file, string(text))
	return blocks, prose, err
}

func split(file, text string) (blocks []Block, prose string, err error) {
	var open *Block
	var rest strings.Builder
	number, blank := 0, true
	for line := range strings.Lines(text) {
		number++
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &Block{File: file, Line: number + 1, Info: strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "```"))}
		case fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += line
		case blank && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")):
			return nil, "", fmt.Errorf("%s:%d: a block by indentation has no language: put it between fences", file, number)
		default:
			rest.WriteString(line)
		}
		blank = strings.TrimSpace(line) == ""
	}
	if open != nil {
		return nil, "", fmt.Errorf("%s: the block at line %d has no end", file, open.Line)
	}
	return blocks, rest.String(), nil
}
