package command

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers" // header, in TestValidateWarnsOfOrder

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Field trial 1.8, 1.32, 4.5, 4.6, 4.9 and 4.10: one row for each way in which metadata does not fit the configuration. The
// text is that of the finding, or of one that must not be there.
func TestDoctorComparesMetadata(t *testing.T) {
	t.Setenv("DOCTOR_SECRET", "s")
	with := func(name string, value any) metadataOnly { return metadataOnly{says: map[string]any{name: value}} }
	const (
		groups = "policy staff {\ninclude group staff\nrequire mfa\n}"
		fresh  = "policy fresh {\nsign_in_frequency 1h\n}"
	)
	for name, row := range map[string]struct {
		is            metadataOnly
		provider, app string
		level, want   string // no level: nothing may say it
	}{
		"all well":               {metadataOnly{}, "", "", "", "provider default: its token endpoint does not answer"},
		"token endpoint down":    {metadataOnly{tokenDown: true}, "", "", findFail, "its token endpoint does not answer, so that no user can sign in: status 503"},
		"no S256":                {with("code_challenge_methods_supported", []string{"plain"}), "", "", findFail, "it offers PKCE with plain and not with S256"},
		"PKCE not listed":        {with("code_challenge_methods_supported", nil), "", "", findWarn, "it does not say that it takes PKCE with S256"},
		"post alone":             {with("token_endpoint_auth_methods_supported", []string{"client_secret_post"}), "client_auth client_secret_basic", "", findFail, "client_auth client_secret_basic: it takes client_secret_post"},
		"post is found":          {with("token_endpoint_auth_methods_supported", []string{"client_secret_post"}), "", "", "", "it takes"},
		"keys alone":             {with("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), "", "", findFail, "it takes no client_secret, but private_key_jwt"},
		"form_post":              {with("response_modes_supported", []string{"query"}), "auth_param response_mode form_post", "", findFail, "response_mode form_post: it offers query"},
		"form_post offered":      {with("response_modes_supported", []string{"query", "form_post"}), "auth_param response_mode form_post", "", "", "form_post"},
		"par off":                {with("require_pushed_authorization_requests", true), "par off", "", findFail, "par off: it requires pushed authorization requests"},
		"par nowhere":            {metadataOnly{}, "par require", "", findFail, "its metadata has no pushed_authorization_request_endpoint"},
		"par not offered":        {metadataOnly{}, "", "", "", "pushed"},
		"dpop not taken":         {with("dpop_signing_alg_values_supported", []string{"PS256"}), "dpop on", "", findFail, "dpop on: it does not take proofs with ES256"},
		"dpop not known":         {metadataOnly{}, "dpop on", "", findFail, "dpop on: it does not take proofs with ES256"},
		"dpop taken":             {with("dpop_signing_alg_values_supported", []string{"PS256", "ES256"}), "dpop on", "", "", "dpop"},
		"prompt none":            {metadataOnly{}, "auth_param prompt none", "", findFail, "auth_param prompt none: the provider may show no page"},
		"prompt login":           {metadataOnly{}, "auth_param prompt login", "", findWarn, "auth_param prompt login: users authenticate at the provider at each sign-in"},
		"prompt login consent":   {metadataOnly{}, "auth_param prompt \"login consent\"", "", findWarn, "\"Stay signed in?\" is not asked after a consent"},
		"prompt consent, asked":  {metadataOnly{}, "auth_param prompt consent", "stay_signed_in {\nsuppress guest\n}", "", "auth_param prompt"},
		"select_account":         {metadataOnly{}, "auth_param prompt select_account", "", "", "auth_param prompt"},
		"a scope":                {metadataOnly{}, "scopes openid wiki offline_access", "", findWarn, "it does not offer wiki (scopes_supported)"},
		"scopes not listed":      {with("scopes_supported", nil), "scopes openid wiki offline_access", "", "", "scopes_supported"},
		"offline left out":       {with("scopes_supported", []string{"openid", "profile", "email"}), "", "", findWarn, "offline_access is left out"},
		"offline not wanted":     {metadataOnly{}, "scopes openid", "", findWarn, "offline_access is not asked for"},
		"recheck silent":         {metadataOnly{}, "scopes openid\nrecheck silent", "", "", "offline_access"},
		"no recheck":             {metadataOnly{}, "scopes openid", "session {\nrecheck 0\n}", "", "offline_access"},
		"no refresh grant":       {with("grant_types_supported", []string{"authorization_code"}), "", "", findWarn, "it lists no refresh tokens (grant_types_supported): if no refresh token comes"},
		"groups need a scope":    {with("scopes_supported", []string{"openid", "profile", "email", "groups", "offline_access"}), "", groups, findWarn, "scope groups is offered and not asked for: scopes openid profile email offline_access groups"},
		"groups asked for":       {with("scopes_supported", []string{"openid", "groups", "offline_access"}), "scopes openid groups offline_access", groups, "", "rules name groups"},
		"groups nowhere":         {with("claims_supported", []string{"sub", "email"}), "", groups, findWarn, "neither the scopes nor claims_supported have groups"},
		"groups by another name": {with("claims_supported", []string{"sub", "realm_access"}), "groups_claim realm_access.roles", groups, "", "rules name groups"},
		"no rule names groups":   {with("claims_supported", []string{"sub", "email"}), "", "", "", "rules name groups"},
		"auth_time":              {with("claims_supported", []string{"sub", "email"}), "", fresh, findWarn, "claims_supported lacks auth_time"},
		"auth_time there":        {with("claims_supported", []string{"sub", "auth_time"}), "", fresh, "", "auth_time"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := clinic{
				dir: dir, issuer: row.is.start(t), store: "file " + filepath.Join(dir, "s.db"), site: "wiki.example.com", app: row.app,
				provider: "client_secret {env.DOCTOR_SECRET}\n" + row.provider,
			}
			found, err := examined(t, c.caddyfile())
			if (err != nil) != (row.level == findFail) {
				t.Errorf("it ends with %v: %+v", err, found)
			}
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

// Entra takes PKCE and does not say so; Google's way to a refresh token is no fault.
func TestCompareKnows(t *testing.T) {
	entra := oidc.New(oidc.Config{Issuer: "https://login.microsoftonline.com/x/v2.0"})
	if found := compare(entra, &oidc.Examination{Scopes: []string{"openid", "offline_access"}}, expected{recheck: true}); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	google := oidc.New(oidc.Config{Issuer: "https://accounts.google.com"})
	seen := &oidc.Examination{Scopes: []string{"openid"}, Offline: true, Offers: oidc.Offers{Challenges: []string{"S256"}}}
	if found := compare(google, seen, expected{recheck: true}); len(found) != 1 || found[0].level != findOK || !strings.Contains(found[0].text, "access_type=offline") {
		t.Errorf("%+v", found)
	}
}

// Field trial 3.4: what `validate` warns of, doctor says as well, with file and line. 1.9 and 5.8: sign-in that cannot end,
// and handlers before the directive.
func TestDoctorLints(t *testing.T) {
	t.Setenv("DOCTOR_SECRET", "s")
	dir := t.TempDir()
	c := clinic{
		dir: dir, issuer: metadataOnly{}.start(t), store: "file " + filepath.Join(dir, "s.db"), site: "wiki.example.com",
		provider: "client_secret {env.DOCTOR_SECRET}", server: "servers {\ntrusted_proxies static 192.0.2.1\n}",
		app: "network office 192.0.2.0/24\npolicy p {\nexclude network office\ninclude app nowhere\nrequire mfa\n}",
	}
	text := c.caddyfile() + "a.example.com {\nhandle /app/* {\nlatchkey\nrespond ok\n}\n}\nb.example.com {\nredir /old /new\nlatchkey\nrespond ok\n}\n" +
		"c.example.com {\ntry_files {path} /index.html\nlatchkey /users/*\nfile_server\n}\n"
	found, err := examined(t, text)
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"rules a.example.com: it stands where only requests for /app/* come",
		"rules b.example.com: before it in this site: redir;",
		"rules c.example.com: it matches on the path, which comes to latchkey rewritten",
		"rules p: it depends on the address of the client, which the client can choose",
		`rules p: no site is the app "nowhere"`,
	} {
		if !has(found, findWarn, want) {
			t.Errorf("nothing says %q: %+v", want, found)
		}
	}
	for _, f := range found {
		if f.Check == "rules" && !strings.Contains(f.Message, "Caddyfile:") {
			t.Errorf("no file and line: %+v", f)
		}
	}
}

// Field trial 1.9, 5.8: `validate` warns of the same.
func TestValidateWarnsOfOrder(t *testing.T) {
	t.Setenv("LATCHKEY_TEST_SECRET", "secret")
	const frame = "{\n\tlatchkey {\n\t\tprovider {\n\t\t\tissuer https://login.example.com\n\t\t\tclient_id x\n\t\t\tclient_secret {env.LATCHKEY_TEST_SECRET}\n\t\t}\n\t}\n}\n"
	for site, want := range map[string]string{
		"a.com {\nhandle /app/* {\nlatchkey\n}\n}\n": "nothing answers /.latchkey/ there",
		"a.com {\nredir /old /new\nlatchkey\n}\n":    "before it in this site: redir",
		":80 {\nheader X-App 1\nlatchkey\n}\n":       "before it in this site: header",
		":80 {\nlatchkey\nrespond ok\n}\n":           "",
	} {
		got := apptest.ValidateWarns(t, frame+"z.com {\nredir /x /y\n}\n"+site)
		if want == "" && len(got) != 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("%s: %q", site, got)
		}
	}
}

// Field trial 1.18: an error of the app is told as what it is.
func TestLoadingErrorIsItsOwn(t *testing.T) {
	config, err := apptest.Adapt("{\n\tlatchkey {\n\t\tprovider {\n\t\t\tissuer https://login.example.com\n\t\t\tclient_id x\n\t\t\tca_file /nothing/there.pem\n\t\t}\n\t}\n}\na.com {\n\tlatchkey\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	load := func(config []byte) error {
		parsed := new(caddy.Config)
		if err := json.Unmarshal(config, parsed); err != nil {
			t.Fatal(err)
		}
		return caddy.Validate(parsed)
	}
	if err := load(config); err == nil || strings.Contains(err.Error(), "is missing") || !strings.Contains(err.Error(), "/nothing/there.pem") {
		t.Error(err)
	}
	none := `{"apps":{"http":{"servers":{"s":{"listen":[":0"],"routes":[{"handle":[{"handler":"latchkey","app":"a"}]}]}}}}}`
	if err := load([]byte(none)); err == nil || !strings.Contains(err.Error(), "the global option latchkey is missing") {
		t.Error(err)
	}
}
