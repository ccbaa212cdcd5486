package commands

import (
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for script, want := range map[string][]string{
		"a b  c\nd":                            {"a b c", "d"},
		"a 'b c' \"d e\" # f\ng":               {"a b c d e", "g"},
		"a b \\\n  c":                          {"a b c"},
		"X=1 Y='a b' a b | c && d; e":          {"a b", "c", "d", "e"},
		"TOKEN=$(a -b $(c) | d)\ne \"$TOKEN\"": {"c", "a -b x", "d", "e $TOKEN"},
		"a https://x.example/#b c#d":           {"a https://x.example/#b c#d"},
		"export A=b\n\n# all of it a comment":  {"export A=b"},
		"":                                     nil,
		`a '{"b":"c"}' -d ` + "\\\n\t'" + `{}` + "'": {`a {"b":"c"} -d {}`},
	} {
		got, err := Split(script)
		if err != nil {
			t.Errorf("%q: %v", script, err)
		}
		var lines []string
		for _, words := range got {
			lines = append(lines, strings.Join(words, " "))
		}
		if !slices.Equal(lines, want) {
			t.Errorf("%q: %q, want %q", script, lines, want)
		}
	}
	for _, script := range []string{"a 'b", "a \"b", "a $(b", "a \\", "a `b`", "cat <<EOF", "a > b", "(a)"} {
		if got, err := Split(script); err == nil {
			t.Errorf("%q: %q, want an error", script, got)
		}
	}
}

func TestBlocks(t *testing.T) {
	blocks, prose, err := split("x.md", "one\n```sh not-run=server\na\nb\n```\ntwo\n  ```text\n  c\n  ```\n```\nd\n```\n")
	if err != nil || len(blocks) != 3 || prose != "one\ntwo\n" {
		t.Fatalf("%+v %q %v", blocks, prose, err)
	}
	if b := blocks[0]; b.Language() != "sh" || b.NotRun() != "server" || b.Text != "a\nb\n" || b.Where() != "x.md:3" {
		t.Errorf("%+v", b)
	}
	if b := blocks[1]; b.Language() != "text" || b.NotRun() != "" {
		t.Errorf("%+v", b)
	}
	if b := blocks[2]; b.Language() != "" {
		t.Errorf("%+v", b)
	}
	if _, _, err := split("x.md", "```sh\na\n"); err == nil {
		t.Error("a block without an end was taken")
	}
	if _, _, err := split("x.md", "one\n\n    make test\n"); err == nil {
		t.Error("a block by indentation was taken")
	}
}
