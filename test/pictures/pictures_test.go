package main

import (
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
	"github.com/latchkey-gateway/latchkey/test/commands"
)

const root = "../.."

// The documents have the pictures that `make pictures` makes, in the sizes that it makes, and no others. Each of them is small,
// is shown by a document, and is of a page that exists.
func TestPicturesOfTheDocuments(t *testing.T) {
	var text strings.Builder
	documents, err := commands.Documents(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
	names := map[string]bool{}
	for _, p := range pictures {
		names[p.Name+".png"] = true
		if !slices.ContainsFunc(pagestest.Gallery(), func(s pagestest.Sample) bool { return s.Name == p.Sample }) {
			t.Errorf("%s: there is no page %s", p.Name, p.Sample)
		}
		if !strings.Contains(text.String(), "images/"+p.Name+".png") {
			t.Errorf("%s: no document shows it", p.Name)
		}
		file, err := os.Open(filepath.Join(root, "docs/images", p.Name+".png"))
		if err != nil {
			t.Error(err)
			continue
		}
		config, err := png.DecodeConfig(file)
		if err != nil || config.Width != scale*p.Width || config.Height != scale*p.Height {
			t.Errorf("%s is %d by %d, want twice %d by %d; run `make pictures` (%v)", p.Name, config.Width, config.Height, p.Width, p.Height, err)
		}
		if info, err := file.Stat(); err != nil || info.Size() > maxBytes {
			t.Errorf("%s has %d bytes, at most %d (%v)", p.Name, info.Size(), maxBytes, err)
		}
		_ = file.Close()
	}
	found, err := filepath.Glob(filepath.Join(root, "docs/images/*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if !names[filepath.Base(path)] {
			t.Errorf("%s is made by no program", path)
		}
	}
}
