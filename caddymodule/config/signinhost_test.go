package config

import (
	"slices"
	"testing"
)

// People are sent back to hosts of the configuration, on ports that are its own, and to no others (A20, A26, A27).
func TestServed(t *testing.T) {
	hosts := []string{"wiki.example.com", "crm.example.net:8443", "*.apps.example.com", "127.0.0.1:8080", "[::1]:8080"}
	for origin, want := range map[string]bool{
		"https://wiki.example.com": true, "https://wiki.example.com:444": false, "https://wiki.example.com:9443": true,
		"https://crm.example.net": true, "https://crm.example.net:8443": true, "https://crm.example.net:8444": false,
		"https://example.com": false, "https://wiki.example.com.evil.test": false, "https://evilwiki.example.com": false,
		"https://a.apps.example.com": true, "https://a.b.apps.example.com": false, "https://apps.example.com": false,
		"https://.apps.example.com": true, // which no request has: scrub.Host refuses an empty label
		"http://127.0.0.1:8080":     true, "http://[::1]:8080": true, "http://127.0.0.1:8081": false, "https://127.0.0.2:8080": false,
		"": false, "https://": false, "wiki.example.com": false, "https://*.apps.example.com": true, "::": false,
	} {
		if got := Served(hosts, origin, "https://login.example.org:9443"); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
}

// Only the form in which a Visit has it is taken.
func TestSignInHostOrigins(t *testing.T) {
	for _, bad := range []string{"", "login.example.com", "https://login.example.com/", "https://LOGIN.example.com", "https://login.example.com:443", "http://login.example.com"} {
		if err := (&SignInHost{Origin: bad}).check(); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// V17: Only hosts of the same registrable domain are siblings: hosts under a public suffix belong to others.
func TestSiblings(t *testing.T) {
	all := []string{"wiki.example.co.uk:8443", "login.example.co.uk", "other.co.uk", "*.apps.example.co.uk", "WIKI.example.co.uk", "a.*.example.co.uk", "example.co.uk", "192.0.2.1", "localhost"}
	for host, want := range map[string][]string{
		"login.example.co.uk": {"*.apps.example.co.uk", "example.co.uk", "wiki.example.co.uk"},
		"other.co.uk":         nil,
		"192.0.2.2":           nil,
		"localhost":           nil,
		"co.uk":               nil,
	} {
		if got := Siblings(host, all); !slices.Equal(got, want) {
			t.Errorf("%s: %v", host, got)
		}
	}
}
