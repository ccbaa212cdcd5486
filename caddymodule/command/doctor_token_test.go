package command

import (
	"strings"
	"testing"
)

// The doctor says whether applications can have the access tokens of a provider.
func TestDoctorForwardedTokens(t *testing.T) {
	with := func(name string, value any) metadataOnly { return metadataOnly{says: map[string]any{name: value}} }
	grants := []string{"authorization_code", "refresh_token"}
	for name, row := range map[string]struct {
		is          metadataOnly
		word        string
		scopes      string
		level, want string // no level: nothing says it
	}{
		"no exchange":            {with("grant_types_supported", grants), "forward_access_token {\naudience mail\n}", "", findFail, "it does not offer token exchange (grant_types_supported), so that requests to wiki.example.com get 503"},
		"exchange offered":       {with("grant_types_supported", append(grants, "urn:ietf:params:oauth:grant-type:token-exchange")), "forward_access_token {\naudience mail\n}", "", "", "forward_access_token"},
		"no grants are listed":   {metadataOnly{}, "forward_access_token {\naudience mail\n}", "", "", "token exchange"},
		"exchange not wanted":    {with("grant_types_supported", grants), "forward_access_token", "", "", "forward_access_token"},
		"no refresh token":       {metadataOnly{}, "forward_access_token", "scopes openid", findWarn, "users of wiki.example.com go to the provider whenever"},
		"own tokens":             {with("grant_types_supported", grants), "tokens on", "", "", "tokens on"},
		"own, and no grant":      {with("grant_types_supported", grants[:1]), "tokens on", "", findWarn, "tokens on: it lists no refresh tokens (grant_types_supported); if no refresh token comes, tokens of users for wiki.example.com are refused a day after"},
		"own, and no scope":      {metadataOnly{}, "tokens on", "scopes openid", findWarn, "tokens on: scope offline_access is not asked for"},
		"own, scope not offered": {with("scopes_supported", []string{"openid"}), "tokens on", "", findWarn, "tokens on: scope offline_access is not asked for"},
		"no own tokens":          {metadataOnly{}, "", "scopes openid", "", "token_stale"},
		"no token is forwarded":  {metadataOnly{}, "", "scopes openid", "", "forward_access_token"},
	} {
		t.Run(name, func(t *testing.T) {
			c := clinic{dir: t.TempDir(), issuer: row.is.start(t), store: "file " + t.TempDir() + "/x.db", site: "wiki.example.com", provider: row.scopes}
			text := strings.Replace(c.caddyfile(), "latchkey\n\trespond", "latchkey {\n"+row.word+"\n}\n\trespond", 1)
			if row.word == "" {
				text = c.caddyfile()
			}
			found, _ := examined(t, text)
			if row.level != "" && !has(found, row.level, row.want) {
				t.Errorf("nothing says %q: %+v", row.want, found)
			}
			for _, level := range []string{findWarn, findFail} {
				if row.level == "" && has(found, level, row.want) {
					t.Errorf("it says %q: %+v", row.want, found)
				}
			}
		})
	}
}
