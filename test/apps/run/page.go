package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

var siteAddress = regexp.MustCompile(`(?m)^[a-z]+\.example\.com \{$`)

// readPage returns the text of a page of docs/apps.
func readPage(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "apps", name+".md"))
	if err != nil {
		t.Fatalf("the page of the app: %v", err)
	}
	return string(raw)
}

// block returns the first block of a page in a language.
func block(t testing.TB, page, language string) string {
	t.Helper()
	return blockAfter(t, page, language, "")
}

// blockAfter returns the first block in a language after a text of the page.
func blockAfter(t testing.TB, page, language, after string) string {
	t.Helper()
	_, page, there := strings.Cut(page, after)
	_, rest, found := strings.Cut(page, "\n```"+language+"\n")
	text, _, closed := strings.Cut(rest, "\n```")
	if !there || !found || !closed {
		t.Fatalf("the page has no block of %s after %q", language, after)
	}
	return text + "\n"
}

// caddyfile returns the Caddyfile of a page, for this machine.
func caddyfile(t testing.TB, page, issuer, origin string, replace map[string]string) string {
	t.Helper()
	text := block(t, page, "caddyfile")
	if n := len(siteAddress.FindAllString(text, -1)); n != 1 {
		t.Fatalf("the Caddyfile of the page has %d sites", n)
	}
	text = siteAddress.ReplaceAllLiteralString(text, origin+" {")
	replace["https://login.example.com"] = issuer
	for from, to := range replace {
		if !strings.Contains(text, from) {
			t.Fatalf("the Caddyfile of the page has no %s", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	return strings.Replace(text, "{\n", "{\n"+rig.Globals, 1)
}
