package caddyfile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

const goodSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8"/></svg>`

// A file of the brand that is not what it should be is refused at load, with the line that names it.
func TestBrandFilesAreRefusedWithTheirLine(t *testing.T) {
	tests := []struct{ word, content, want string }{
		{"logo", goodSVG, ""},
		{"logo", "hello", "not a PNG, JPEG or SVG image"},
		{"logo", goodSVG + strings.Repeat(" ", 128<<10), "more than 128 KB"},
		{"logo", strings.Replace(goodSVG, "<path", `<script/><path`, 1), "element <script>"},
		{"logo", "", "the file is empty"},
		{"background", goodSVG, ""},
		{"background", strings.Repeat("x", 1<<20+1), "more than 1024 KB"},
		{"css", ".card{border:0}", ""},
		{"css", "a{background:url(https://evil.example/x)}", "would load something"},
		{"strings ar", `{"prompt.title": "Bleiben?"}`, ""},
		{"strings ar", `{"prompt.titel": "Bleiben?"}`, "unknown key prompt.titel"},
		{"strings ar", `{"prompt.who": "ohne Namen"}`, "expected the same {values}"},
		{"strings ar", `{"prompt.title": "<b>Bleiben?</b>"}`, "without markup"},
		{"strings is", `{"prompt.title": "Vera áfram?"}`, "is missing"},
		{"strings ar", "prompt.title: Bleiben?", "expected a JSON object"},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%d %s", i, tt.word), func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(name, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := parsedBrand(t, tt.word+" "+name).Load()
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasSuffix(err.Error(), ", at Caddyfile:8")):
				t.Errorf("error %v, want %q and a line", err, tt.want)
			}
		})
	}
	for _, name := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none"), os.DevNull} {
		if _, err := parsedBrand(t, "logo "+name).Load(); err == nil || !strings.HasSuffix(err.Error(), "at Caddyfile:8") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func parsedBrand(t *testing.T, line string) *config.Brand {
	t.Helper()
	text, err := adapt("{\nlatchkey {\nprovider {\nissuer https://login.example.com\nclient_id x\n}\nbrand {\n" + line + "\n}\n}\n}\na.example.com {\nrespond ok\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Apps struct {
			Latchkey *config.App `json:"latchkey"`
		} `json:"apps"`
	}
	if err := json.NewDecoder(strings.NewReader(text[strings.Index(text, "{"):])).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Apps.Latchkey.Brand
}
