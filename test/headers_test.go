package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// documented are the cells of the rows of a table in docs/headers.md, but for its head: each without its back quotes, and
// bytes for `\xF6`.
func documented(t *testing.T, document, under string) (rows [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(document, "\n"+under)
	if !ok {
		t.Fatalf("no line begins with %q", under)
	}
	_, rest, _ = strings.Cut(rest, "\n|")
	table, _, _ := strings.Cut(rest, "\n\n")
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		for i, cell := range cells {
			cell = strings.Trim(cell, "`")
			if strings.Contains(cell, `\x`) {
				unquoted, err := strconv.Unquote(`"` + cell + `"`)
				if err != nil {
					t.Fatal(err)
				}
				cell = unquoted
			}
			cells[i] = cell
		}
		rows = append(rows, cells)
	}
	return rows
}

// decoding is one value to decode by what docs/headers.md says, and what comes out.
type decoding struct {
	Value string // as Node and WSGI hand it over: a character a byte
	Code  string
	Want  any
}

func asLatin1(value string) string {
	var text strings.Builder
	for _, c := range []byte(value) {
		text.WriteRune(rune(c))
	}
	return text.String()
}

// Field trial 1.17: an application that follows docs/headers.md reads what the provider has stated. The code of the document
// runs in Python and Node on the examples of the document, which a unit test holds against what the gateway writes.
func TestDocumentedHeaderDecoders(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/headers.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	programs := []*exec.Cmd{
		exec.Command("python3", "-c", `
import json, sys
from base64 import b64decode
from urllib.parse import unquote
json.dump([eval(d["Code"], {"v": d["Value"], "unquote": unquote, "b64decode": b64decode}) for d in json.load(sys.stdin)], sys.stdout)`),
		exec.Command("node", "-e", `
const all = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(all.map(d => new Function('v', 'return ' + d.Code)(d.Value))));`),
	}
	for language, program := range programs {
		var all []decoding
		for _, kind := range []struct{ code, examples string }{{"`v` is the value of a header", "Examples of lists"}, {"A text:", "Examples of texts"}} {
			for encoding, row := range documented(t, document, kind.code) {
				for _, example := range documented(t, document, kind.examples) {
					value := example[1+encoding]
					if value == "absent" {
						continue
					}
					d := decoding{Value: asLatin1(value), Code: row[1+language], Want: example[0]}
					if kind.examples == "Examples of lists" {
						d.Want = strings.Split(example[0], ";")
					}
					all = append(all, d)
				}
			}
		}
		if len(all) < 35 {
			t.Fatalf("%d examples", len(all))
		}
		in, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		var problems bytes.Buffer
		program.Stdin, program.Stderr = bytes.NewReader(in), &problems
		out, err := program.Output()
		if err != nil {
			t.Fatalf("%s: %v: %s", program.Path, err, &problems)
		}
		var got []json.RawMessage
		if err := json.Unmarshal(out, &got); err != nil || len(got) != len(all) {
			t.Fatalf("%s: %d of %d answers, %v", program.Path, len(got), len(all), err)
		}
		for i, d := range all {
			var value any
			if json.Unmarshal(got[i], &value) != nil {
				t.Fatalf("%s", got[i])
			}
			want, _ := json.Marshal(d.Want)
			if read, _ := json.Marshal(value); !bytes.Equal(read, want) {
				t.Errorf("%s: %s on %q gives %s, want %s", program.Path, d.Code, d.Value, read, want)
			}
		}
	}
}
