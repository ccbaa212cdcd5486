package site

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// pluginMatcher is a matcher that is not one of Caddy's. It reads the query and the last part of the path, and reports a
// failure in the way of old matchers, through a variable.
type pluginMatcher struct{}

var errPlugin = errors.New("the plugin failed")

func init() { caddy.RegisterModule(pluginMatcher{}) }

func (pluginMatcher) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.of_a_plugin", New: func() caddy.Module { return new(pluginMatcher) }}
}

func (*pluginMatcher) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*pluginMatcher) Match(r *http.Request) bool {
	if r.Header.Get("X-Fail") != "" {
		caddyhttp.SetVar(r.Context(), caddyhttp.MatcherErrorVarKey, errPlugin) //nolint:staticcheck // plugins that are older than its successor fail in this way
		return false
	}
	return r.URL.Query().Get("plugin") == "1" || strings.HasSuffix(r.URL.Path, ";plugin=2")
}

// overTLS is a connection with TLS.
func overTLS(complete bool) change {
	return func(r *http.Request) { r.TLS = &tls.ConnectionState{HandshakeComplete: complete} }
}

// clientCertificate is a connection on which the client has shown a certificate.
func clientCertificate(name string) change {
	return func(r *http.Request) {
		r.TLS = &tls.ConnectionState{
			HandshakeComplete: true,
			PeerCertificates:  []*x509.Certificate{{Subject: pkix.Name{CommonName: name}, Raw: []byte{1}}},
		}
	}
}

// Field trial 2.3: a matcher of a plugin that fails is a refusal, and one that may look at the address of the client sees no
// early data, in which nothing proves the address.
func TestMatcherOfAPlugin(t *testing.T) {
	for place, site := range places {
		h := site(t, "of_a_plugin")
		want := http.StatusForbidden
		if place == "directive" {
			want = http.StatusInternalServerError
		}
		if got := outcome(t, h, prepared(http.MethodGet, "/x", "X-Fail", "1"), nil); got != want {
			t.Errorf("%s: a matcher that fails: %d, want %d", place, got, want)
		}
		r := prepared(http.MethodPost, "/x")
		overTLS(false)(r)
		if got := outcome(t, h, r, func(*http.Request) { t.Errorf("%s: early data is passed on", place) }); got != http.StatusTooEarly {
			t.Errorf("%s: early data: %d", place, got)
		}
		// A Unix socket has no address: that the plugin asks for it is not known, so the site stays open.
		r = prepared(http.MethodGet, "/x")
		r.RemoteAddr = "@"
		caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "@")
		if got := outcome(t, h, r, nil); selected(place, got) || got >= 500 {
			t.Errorf("%s: over a Unix socket: %d", place, got)
		}
	}
}

// Field trial 2.3: a rule that asks for TLS does not hold where Caddy has none, and one that excludes it does.
func TestMatcherOfTLSWithoutTLS(t *testing.T) {
	for place, site := range places {
		for matcher, holds := range map[string]bool{"tls": false, "not tls": true, "tls early_data": false, "not tls early_data": true} {
			r := prepared(http.MethodGet, "/x")
			r.TLS = nil
			if got := outcome(t, site(t, matcher), r, nil); selected(place, got) != holds {
				t.Errorf("%s, %s: %d", place, matcher, got)
			}
		}
	}
}

// Field trial 2.3: `file` sees the path as Caddy's file server does: a spelling of it that only another application reads is
// refused, and a file that is not there is none.
func TestMatcherOfFiles(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "secret.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for place, site := range places {
		h := site(t, "file {\nroot "+root+"\ntry_files {http.request.uri.path}\n}")
		for path, want := range map[string]int{
			"/secret.txt": 0, "/other.txt": -1, "/secret.txt;x": http.StatusBadRequest, "/secret.txt.": http.StatusBadRequest, "/secret%2etxt": 0,
		} {
			r := prepared(http.MethodGet, "/")
			target(path)(r)
			switch got := outcome(t, h, r, nil); {
			case want > 0 && got != want, want == 0 && !selected(place, got), want < 0 && (selected(place, got) || got >= 400 && got != http.StatusUnauthorized):
				t.Errorf("%s, %s: %d", place, path, got)
			}
		}
	}
}

// Field trial 2.3: an IPv4 range in IPv6 form holds no client, so it is not loaded.
func TestMappedRangeIsRefused(t *testing.T) {
	for _, matcher := range []string{
		"client_ip ::ffff:192.0.2.0/120", "remote_ip ::ffff:192.0.2.7", "not client_ip ::ffff:0:0/96", "expression client_ip('::ffff:192.0.2.0/120')",
		"expression remote_ip('::ffff:c000:207')",
	} {
		for place, load := range map[string][3]string{
			"directive":            {"", "@rule {\n" + matcher + "\n}", "@rule"},
			"policy for all sites": {"policy p {\nmatch {\n" + matcher + "\n}\nblock\n}", "", ""},
		} {
			if _, err := tryRuled(t, load[0], load[1], load[2]); err == nil || !strings.Contains(err.Error(), "never matches: write it as IPv4") {
				t.Errorf("%s, %s: %v", place, matcher, err)
			}
		}
	}
}
