package command

import (
	"slices"
	"strings"
	"testing"
)

// The doctor asks the issuers of access tokens that are no provider for their keys, and all for what a site needs of them.
func TestDoctorBearer(t *testing.T) {
	server := metadataOnly{says: map[string]any{"introspection_endpoint": "https://tokens.example.com/introspect"}}.start(t)
	plain := metadataOnly{}.start(t)
	wrong := metadataOnly{issuer: "https://evil.example"}.start(t)
	for words, want := range map[string][]string{
		"audience api\nmetadata": nil,
		"audience api":           {"ok programs are not told where"},
		"audience api\nmetadata\nissuer " + server + "\nintrospect a {env.HOME}": {"ok the issuer of its tokens answers, and has 1 usable keys", "ok tokens that are no JWT are asked about at https://tokens.example.com/introspect"},
		"audience api\nmetadata\nintrospect a {env.HOME}":                        {"fail the issuer cannot be asked about tokens that are no JWT: metadata has no introspection_endpoint"},
		"audience api\nmetadata\nissuer " + wrong:                                {"fail the metadata or the keys of " + wrong + " cannot be used"},
	} {
		c := clinic{dir: t.TempDir(), issuer: plain, store: "file " + t.TempDir() + "/x.db", site: "https://api.example.com"}
		text := strings.Replace(c.caddyfile(), "latchkey\n\trespond", "latchkey {\nbearer {\n"+words+"\n}\n}\n\trespond", 1)
		found, _ := examined(t, text)
		var got []string
		for _, f := range found {
			if f.Check == "bearer" {
				got = append(got, f.Level+" "+f.Message)
			}
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%q: %q, want %q; all: %v", words, got, want, found)
		}
	}
}
