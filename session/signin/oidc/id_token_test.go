package oidc

import (
	"encoding/json"
	"testing"
	"time"
)

// Field trial 1.21: a further audience counts if it is trusted and the token says that it was issued to us.
func TestTrustedAudience(t *testing.T) {
	for name, c := range map[string]struct {
		aud  []string
		azp  string
		want bool
	}{
		"trusted, issued to us":      {[]string{"lk", "project"}, `"lk"`, true},
		"trusted, does not say whom": {[]string{"lk", "project"}, "", false},
		"trusted, issued to another": {[]string{"lk", "project"}, `"project"`, false},
		"not trusted":                {[]string{"lk", "other"}, `"lk"`, false},
		"without us":                 {[]string{"project"}, `"lk"`, false},
		"us twice":                   {[]string{"lk", "lk"}, "", true},
	} {
		now := time.Unix(1_800_000_000, 0)
		p := New(Config{Issuer: "https://idp", ClientID: "lk", TrustAudience: []string{"project"}, Now: func() time.Time { return now }})
		claims := map[string]json.RawMessage{"iss": json.RawMessage(`"https://idp"`), "sub": json.RawMessage(`"s"`), "exp": json.RawMessage("1"), "iat": json.RawMessage("1")}
		if c.azp != "" {
			claims["azp"] = json.RawMessage(c.azp)
		}
		err := p.checkClaims(&idClaims{issuer: "https://idp", subject: "s", audience: c.aud, expires: now.Add(time.Hour), issued: now}, claims, nil)
		if (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
