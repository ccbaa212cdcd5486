package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session"
)

const soundApp = `{
	"providers": [{"name": "default", "issuer": "https://login.example.com", "client_id": "x"}],
	"networks": [{"name": "office", "ranges": ["203.0.113.0/24"]}],
	"policies": [{"name": "p", "include": {"networks": ["office"]}, "block": true}]
}`

const soundHandler = `{"app": "wiki", "allow": {"groups": ["a"]}, "header": [{"name": "X-Dept", "claim": "dept"}]}`

// with is the JSON with its top-level fields replaced by those of change.
func with(t *testing.T, sound, change string) string {
	t.Helper()
	var config, more map[string]json.RawMessage
	if err := json.Unmarshal([]byte(sound), &config); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(change), &more); err != nil {
		t.Fatalf("%s: %v", change, err)
	}
	for k, v := range more {
		config[k] = v
	}
	out, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Who configures Caddy with JSON meets the same rules as with a Caddyfile.
func TestAppCheck(t *testing.T) {
	const idp = `"issuer": "https://login.example.com", "client_id": "x"`
	for change, want := range map[string]string{
		`{}`:                "",
		`{"providers": []}`: "at least one provider",
		`{"session": {"binding": {"mode": "prefer", "kinds": "all"}}}`:                                                                    "",
		`{"session": {"binding": {"mode": "on"}}}`:                                                                                        "session: binding",
		`{"session": {"binding": {"kinds": "some"}}}`:                                                                                     "kinds",
		`{"session": {"binding": {"mode": "prefer", "cookie_lifetime": "299s"}}}`:                                                         "cookie_lifetime",
		`{"session": {"binding": {"mode": "prefer", "site": "example.com"}}, "sign_in_host": {"origin": "https://login.example.com"}}`:    "",
		`{"session": {"binding": {"mode": "prefer", "site": "example.com"}}, "sign_in_host": {"origin": "https://example.com:8443"}}`:     "",
		`{"session": {"binding": {"mode": "prefer", "site": "example.com"}}}`:                                                             "site",
		`{"session": {"binding": {"mode": "prefer", "site": "example.com"}}, "sign_in_host": {"origin": "https://login.notexample.com"}}`: "site",
		`{"session": {"binding": {"mode": "prefer", "site": "a.localhost"}}, "sign_in_host": {"origin": "http://b.a.localhost"}}`:         "site",
		`{"session": {"binding": {"mode": "prefer", "site": "192.0.2.1"}}, "sign_in_host": {"origin": "https://192.0.2.1"}}`:              "site",
		`{"session": {"binding": {"mode": "prefer", "site": "Example.com"}}, "sign_in_host": {"origin": "https://login.example.com"}}`:    "site",
		`{"session": {"binding": {"mode": "prefer", "site": "github.io"}}, "sign_in_host": {"origin": "https://login.github.io"}}`:        "site",
		`{"session": {"binding": {"mode": "prefer", "cookie_lifetime": "61m"}}}`:                                                          "cookie_lifetime",
		`{"session": {"persistent": {"idle_limit": "7d", "unbound": {"idle_limit": "8d"}}}}`:                                              "unbound: idle_limit",
		`{"session": {"persistent": {"unbound": {"max_lifetime": "181d"}}}}`:                                                              "unbound: max_lifetime",
		`{"session": {"persistent": {"unbound": {"max_lifetime": "401d"}}}}`:                                                              "unbound: max_lifetime",
		`{"providers": [{` + idp + `}, {` + idp + `}]}`:                                                                                   "defined twice",
		`{"providers": [{` + idp + `}, {"name": "default", ` + idp + `}]}`:                                                                "defined twice",
		`{"providers": [{"name": "a b", ` + idp + `}]}`:                                                                                   "only letters",
		`{"providers": [{"issuer": "http://login.example.com", "client_id": "x"}]}`:                                                       "https",
		`{"providers": [{"issuer": "http://127.0.0.1:9000", "client_id": "x"}]}`:                                                          "",
		`{"providers": [{"issuer": "http://[::1]:9000/x", "client_id": "x"}]}`:                                                            "",
		`{"providers": [{"issuer": "http://idp.localhost", "client_id": "x"}]}`:                                                           "",
		`{"providers": [{"issuer": "http://localhost.evil.example", "client_id": "x"}]}`:                                                  "https",
		`{"providers": [{"issuer": "{env.ISSUER}", "client_id": "x"}]}`:                                                                   "",
		`{"providers": [{"client_id": "x"}]}`:                                                                                             "issuer is missing",
		`{"providers": [{"issuer": "https://login.example.com"}]}`:                                                                        "client_id",
		`{"providers": [{` + idp + `, "scopes": ["email"]}]}`:                                                                             "openid",
		`{"providers": [{` + idp + `, "user_claims": [" "]}]}`:                                                                            "user_claims",
		`{"providers": [{` + idp + `, "guest": {"claim": "acct"}}]}`:                                                                      "guest",
		`{"providers": [{` + idp + `, "inherit": {"claim": "x"}}]}`:                                                                       "inherit",
		`{"providers": [{` + idp + `, "auth_params": {"nonce": "x"}}]}`:                                                                   "protocol",
		`{"providers": [{` + idp + `, "auth_params": {"": "x"}}]}`:                                                                        "name is missing",
		`{"keys": ["short"]}`:              "key 1",
		`{"keys": ["{env.A}", "{env.A}"]}`: "key 2 is listed twice",
		`{"session": {"browser": {"idle_limit": "2h", "max_lifetime": "1h"}}}`:                     "idle_limit 2h is longer than max_lifetime 1h",
		`{"session": {"persistent": {"max_lifetime": "401d"}}}`:                                    "400d",
		`{"session": {"browser": {"idle_limit": -1}}}`:                                             "more than 0",
		`{"stay_signed_in": {"suppress": ["guests"]}}`:                                             "none of",
		`{"stay_signed_in": {"suppress": ["none", "iwa"]}}`:                                        "alone",
		`{"stay_signed_in": {"shared_device": {"users": 0, "within": "1d"}}}`:                      "number of people",
		`{"stay_signed_in": {"shared_device": {"users": 2}}}`:                                      "more than 0",
		`{"stay_signed_in": {"abandon_after": "2d"}}`:                                              "abandon_after",
		`{"stay_signed_in": {"remember_answer": -5}}`:                                              "remember_answer",
		`{"networks": [{"name": "x", "ranges": []}]}`:                                              "no addresses",
		`{"networks": [{"name": "x", "ranges": ["10.0.0.1/8"]}]}`:                                  "did you mean",
		`{"policies": [{"name": "", "block": true}]}`:                                              "name is missing",
		`{"policies": [{"name": "p", "exclude": {"providers": ["y"]}, "block": true}]}`:            "unknown provider",
		`{"policies": [{"name": "p", "include": {"groups": ["a\u0000"]}, "block": true}]}`:         "control characters",
		`{"policies": [{"name": "p", "include": {"users": ["` + "\u00e9" + `"]}, "block": true}]}`: "",
		`{"policies": [{"name": "p", "exclude": {"users": ["{env.X}"]}, "block": true}]}`:          "placeholders",
		`{"policies": [{"name": "p", "require": ["mfa", "acr:c1"]}]}`:                              "",
		`{"policies": [{"name": "p", "require": ["maf"]}]}`:                                        `require: unrecognized requirement "maf", did you mean "mfa"`,
		`{"policies": [{"name": "p", "require_any": ["mfa", "mfa"]}]}`:                             "listed twice",
		`{"policies": [{"name": "p", "require": ["acr:{env.X}"]}]}`:                                "placeholders",
		`{"policies": [{"name": "p", "require": ["acr:"]}]}`:                                       "behind the colon",
		`{"policies": [{"name": "p", "sign_in_frequency": {}}]}`:                                   "more than 0",
		`{"policies": [{"name": "p", "sign_in_frequency": {"interval": "401d"}}]}`:                 "400d",
		`{"policies": [{"name": "p", "max_idle": "1ms"}]}`:                                         "at least a second",
		`{"policies": [{"name": "p", "block": true, "report_until": "2027-01-31"}]}`:               "report_only",
		`{"policies": [{"name": "p", "mode": "report_only", "block": true, "report_until": "x"}]}`: "no date",
	} {
		var a App
		if err := caddy.StrictUnmarshalJSON([]byte(with(t, soundApp, change)), &a); err != nil {
			t.Errorf("%s: %v", change, err)
			continue
		}
		checkSays(t, change, a.Check(), want)
	}
}

func TestHandlerCheck(t *testing.T) {
	var app App
	if err := json.Unmarshal([]byte(soundApp), &app); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]string{
		`{}`:                                            "",
		`{"app": ""}`:                                   "app: a name is missing",
		`{"app": "a\nb"}`:                               "control characters",
		`{"providers": ["default"]}`:                    "",
		`{"providers": ["entra"]}`:                      "unknown provider",
		`{"providers": ["default", "default"]}`:         "twice",
		`{"allow": {}}`:                                 "allow: names no user, group, domain or provider",
		`{"deny": {"providers": ["x"]}}`:                "unknown provider",
		`{"deny": {"users": [""]}}`:                     "name is missing",
		`{"activity": "always"}`:                        "activity",
		`{"headers": "all"}`:                            "headers",
		`{"header": [{"name": "X-A"}]}`:                 "claim is missing",
		`{"header": [{"name": "X-A", "claim": "exp"}]}`: "about the ID token",
		`{"header": [{"name": "X A", "claim": "a"}]}`:   "not allowed",
		`{"header": [{"name": "X-A", "claim": "a"}, {"name": "x_a", "claim": "b"}]}`:      "twice",
		`{"header": [{"name": "remote.user", "claim": "a"}]}`:                             "already",
		`{"headers": "none", "header": [{"name": "remote.user", "claim": "a"}]}`:          "",
		`{"policies": [{"name": "q", "include": {"providers": ["x"]}, "block": true}]}`:   "unknown provider",
		`{"policies": [{"name": "q", "include": {"groups": ["x", "x"]}, "block": true}]}`: "twice",
	} {
		var h Site
		if err := caddy.StrictUnmarshalJSON([]byte(with(t, soundHandler, change)), &h); err != nil {
			t.Errorf("%s: %v", change, err)
			continue
		}
		checkSays(t, change, h.Check(&app), want)
	}
}

// A misspelt word in JSON is refused while it is read (A04).
func TestStrictJSON(t *testing.T) {
	for _, change := range []string{
		`{"polices": []}`, `{"policies": [{"name": "p", "mode": "report-only"}]}`, `{"policies": [{"name": "p", "persistent_browser": "no"}]}`,
		`{"policies": [{"name": "p", "include": {"group": ["a"]}}]}`,
		`{"policies": [{"name": "p", "when": {"platforms": ["ios7"]}}]}`, `{"policies": [{"name": "p", "when": {"platform": ["android"]}}]}`,
		`{"policies": [{"name": "p", "when": {"devices": [{"attribute": "complaint"}]}}]}`,
		`{"policies": [{"name": "p", "sign_in_frequency": "1h"}]}`, `{"policies": [{"name": "p", "when": {"user_risk": ["severe"]}}]}`,
		`{"session": {"browser": {"idle_timeout": "1h"}}}`,
	} {
		if err := caddy.StrictUnmarshalJSON([]byte(with(t, soundApp, change)), new(App)); err == nil {
			t.Errorf("%s: taken", change)
		}
	}
}

func checkSays(t *testing.T, change string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", change, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: got %v, want %q", change, err, want)
	}
}

func TestParseRange(t *testing.T) {
	for text, want := range map[string][]string{
		"203.0.113.0/24":       {"203.0.113.0/24"},
		"192.0.2.7":            {"192.0.2.7/32"},
		"::ffff:192.0.2.7":     {"192.0.2.7/32"},
		"2001:db8::1":          {"2001:db8::1/128"},
		"0.0.0.0/0":            {"0.0.0.0/0"},
		"private_ranges":       {"192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "::1/128"},
		"10.0.0.1/8":           nil,
		"10.0.0.0/33":          nil,
		"10.0.0.0/-1":          nil,
		"10.0.0.0/08":          nil,
		"010.0.0.1":            nil,
		"fe80::1%eth0":         nil,
		"::ffff:10.0.0.0/104":  nil,
		"10.0.0.0/255.0.0.0":   nil,
		"10.0.0.0-10.0.0.9":    nil,
		"":                     nil,
		"example.com":          nil,
		"203.0.113.0/24 x":     nil,
		"{env.OFFICE_NETWORK}": nil,
	} {
		got, err := ParseRange(text)
		var ranges []string
		for _, p := range got {
			ranges = append(ranges, p.String())
		}
		if !slices.Equal(ranges, want) || (err != nil) != (want == nil) {
			t.Errorf("%q: got %v, %v; want %v", text, ranges, err, want)
		}
	}
}

func TestDays(t *testing.T) {
	for d, want := range map[time.Duration]string{
		7 * 24 * time.Hour: "7d", 24 * time.Hour: "24h", 25 * time.Hour: "25h", 90 * time.Minute: "1h30m", 90 * time.Second: "1m30s", time.Second: "1s", 10 * time.Minute: "10m",
	} {
		if got := Days(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// A session that is not bound has limits of its own only where the configuration says so. With require they are those of
// a session that ends with the browser.
func TestSessionLimits(t *testing.T) {
	def := session.DefaultLimits
	week := session.Limit{Idle: 7 * 24 * time.Hour, Max: def.Persistent.Max}
	for text, want := range map[string]session.Limits{
		`{}`:                              def,
		`{"binding": {"mode": "prefer"}}`: def,
		`{"persistent": {"unbound": {"idle_limit": "7d"}}}`:                                {Browser: def.Browser, Persistent: def.Persistent, Unbound: week},
		`{"persistent": {"unbound": {"idle_limit": "7d"}}, "binding": {"mode": "prefer"}}`: {Browser: def.Browser, Persistent: def.Persistent, Unbound: week},
		`{"binding": {"mode": "require"}}`:                                                 {Browser: def.Browser, Persistent: def.Persistent, Unbound: def.Browser},
	} {
		var c Session
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if got := c.Limits(); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
