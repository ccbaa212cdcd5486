package crossorigin

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Field trial 1.29: apps and extensions have origins as well. What has none, or what every page can claim, is refused.
func TestCheck(t *testing.T) {
	for _, good := range []string{
		"https://tools.example.com", "https://dev.example.com:8443", "http://localhost:3000", "http://127.0.0.1", "https://[2001:db8::1]:8443",
		"app://x", "app://obsidian.md", "app://.", "app://-", "app://localhost:3000", "capacitor://localhost", "ionic://localhost", "tauri://localhost",
		"chrome-extension://cjpalhdlnbpafiamejdnhcphjbkeiagm", "moz-extension://5f3c9d1e-7a42-4b8e-9c6d-5f3c9d1e7a42",
		"safari-web-extension://5F3C9D1E-7A42-4B8E-9C6D-5F3C9D1E7A42", "com.example.app+v2://x",
	} {
		if err := Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "*", "null", "null://", "null://x", "file://", "file://x", "data:x", "data://x", "blob:https://x", "blob://x", "ws://x", "wss://x",
		"javascript://x", "about:blank", "about://x", "filesystem://x", "ftp://x", "mailto:x", "view-source://x",
		"app:x", "app:", "app://", "app:///", "app:///x", "app://x/", "app://x/y", "app://x?", "app://x?a", "app://x#", "app://x#a", "app://u@x", "app://x:",
		"app://x:y", "app://*", "app://*.example.com", "app://x y", "App://x", "APP://x", "app://x.", "://x", "//x", "x", "1app://x", "app ://x",
		"https://tools.example.com/", "https://Tools.example.com", "https://tools.example.com:443", "https://tools.example.com.", "https://.",
		"https://*.example.com", "tools.example.com", "http://", "https:tools.example.com",
	} {
		if err := Check(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Whatever is taken has a scheme, a host and nothing else, and is spelled in one way.
func TestCheckAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(https?|app|null|file|ws|[a-zA-Z.+:-]{0,6})(://|:|/)?[a-zA-Z0-9.*@/?#\[\]:%_ -]{0,12}`).Draw(t, "origin")
		if Check(text) != nil {
			return
		}
		scheme, host, found := strings.Cut(text, "://")
		if !found || scheme == "" || host == "" || strings.ToLower(scheme) != scheme || strings.ContainsAny(host, "/?#@*% ") {
			t.Fatalf("%q is taken", text)
		}
		for _, word := range noOrigin {
			if scheme == word {
				t.Fatalf("%q is taken", text)
			}
		}
	})
}
