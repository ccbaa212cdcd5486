package app

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	_ "github.com/latchkey-gateway/latchkey/caddymodule/caddyfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// everyWord is a configuration with every text that there is.
func everyWord(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	svg := file("icon.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>`)
	text := fmt.Sprintf(`{
	latchkey {
		provider staff {
			name "Example staff"
			icon %[1]s
			issuer https://login.example.com
			client_id latchkey
			client_secret secret
			client_auth client_secret_post
			par require
			metadata_url https://elsewhere.example.com/metadata
			internal_url http://keycloak:8080
			end_session_url https://login.example.com/out?id={client_id}
			recheck silent
			scopes openid email groups
			groups_claim groups
			groups_overage graph
			user_claim upn sub
			trust_audience project
			guest_claim acct 1
			iwa_amr wia
			mfa_amr mfa
			mfa_acr urn:mfa
			risk_claim sign_in risk
			risk_claim user user_risk
			device_claim compliant is_compliant
			device_claim managed is_managed
			device_claim shared is_shared
			inherit_claim signin_state kmsi
			auth_param domain_hint example.com
			ca_file %[3]s
		}
		provider strict {
			issuer https://strict.example.com
			client_id latchkey
			client_auth private_key_jwt %[7]s issuer
			profile fapi2
			signed_requests require
		}
		signals hub {
			issuer https://hub.example.com
			audience https://wiki.example.com
			provider staff
			push
			poll https://hub.example.com/poll {
				bearer secret
			}
			manage {
				client_credentials https://hub.example.com/token latchkey secret ssf.manage
			}
			revoke
			on credential_change end
			on session_revoked session
			ca_file %[3]s
		}
		store file %[4]s
		sign_in_host wiki.example.com
		session {
			binding prefer {
				kinds all
				site example.com
			}
		}
		stay_signed_in on {
			text %[2]s
			suppress guest
		}
		idle_sign_out {
			warn 10m
			sign_out 20m
			apply_to all
		}
		brand {
			name Example
			logo %[1]s
			accent "#0067b8"
			background "#ffffff"
			css %[5]s
			footer Imprint https://example.com/imprint
			strings de %[6]s
			contact mailto:help@example.com
		}
		header_encoding base64
		network office 192.0.2.0/24
		policy p {
			mode report_only until 2099-01-01
			include group g
			include domain partners.example
			include group auditors from staff
			exclude user u
			exclude domain trusted.example
			exclude app other
			require acr:urn:mfa
		}
		policy q {
			require_any acr:urn:mfa acr:urn:other
		}
	}
}
wiki.example.com {
	latchkey {
		app wiki
		provider staff
		allow group g
		allow user u
		deny provider staff
		activity none
		upgrade websocket
		trailing_dots keep
		path_parameters keep
		origins https://other.example.com
		cors https://script.example.com
		clear_cookies sid /wiki
		clear_site_data cache
		headers forwarded {
			user as X-App-User
			email as X-App-Mail
			name as X-App-Name
			groups as X-App-Groups only wiki-*
		}
		header X-Department department only d-*
		header_encoding percent
		bearer {
			issuer https://tokens.example.com
			audience wiki-tokens
			scope wiki.read
			client cli
			typ any
			metadata https://wiki.example.com/api
			introspect latchkey secret
		}
		assertion wiki-api {
			groups only wiki-*
		}
	}
	respond ok
}
`, svg, file("text.txt", "Hello"), file("ca.pem", certificate(t)), filepath.Join(dir, "sessions.db"), file("own.css", "p{}"), file("de.json", `{"prompt.title":"Angemeldet bleiben?"}`), file("client.pem", privateKey(t)))
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	raw, _, err := adapter.Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// certificate is one in PEM form.
func certificate(t *testing.T) string {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// privateKey is one in PEM form.
func privateKey(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(oidctest.NewKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// texts visits every text below v that is of the configuration.
func texts(path string, v reflect.Value, visit func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			texts(path, v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "" && f.Tag.Get("placeholders") == "" {
				texts(path+"."+f.Name, v.Field(i), visit)
			}
		}
	case reflect.Slice:
		if v.Type() != reflect.TypeFor[json.RawMessage]() {
			for i := range v.Len() {
				texts(fmt.Sprintf("%s[%d]", path, i), v.Index(i), visit)
			}
		}
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.String {
			for _, k := range v.MapKeys() {
				value := reflect.New(v.Type().Elem()).Elem()
				value.Set(v.MapIndex(k))
				visit(path+"."+k.String(), value)
				v.SetMapIndex(k, value)
			}
		}
	case reflect.String:
		if v.String() != "" {
			visit(path, v)
		}
	}
}

// textFields names every field of some types, and of what they are made of, that holds texts.
func textFields(found []string, types ...reflect.Type) []string {
	for _, t := range types {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			continue
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() || f.Tag.Get("json") == "" || f.Tag.Get("placeholders") != "" {
				continue
			}
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			switch {
			case inner.Kind() == reflect.String, inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.String:
				found = append(found, f.Name)
			case inner.Kind() == reflect.Struct:
				found = textFields(found, inner)
			}
		}
	}
	return found
}

// Field trial 1.10: a placeholder is filled in in every word, or refused; it is never taken as it stands. Every text of the
// configuration is replaced by a placeholder for it, one after the other.
func TestPlaceholdersEverywhere(t *testing.T) {
	var parts struct {
		Apps struct {
			Latchkey json.RawMessage
			HTTP     json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(everyWord(t)), &parts); err != nil {
		t.Fatal(err)
	}
	handlers := findHandlers(nil, parts.Apps.HTTP, 0)
	if len(handlers) != 1 {
		t.Fatalf("%d sites", len(handlers))
	}
	ctx, err := EmptyContext()
	if err != nil {
		t.Fatal(err)
	}
	read := func() (*App, *Handler) {
		a, h := new(App), new(Handler)
		if err := json.Unmarshal(parts.Apps.Latchkey, a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(handlers[0], h); err != nil {
			t.Fatal(err)
		}
		h.Hosts = []string{"wiki.example.com"}
		return a, h
	}
	var paths []string
	both := func(a *App, h *Handler, visit func(string, reflect.Value)) {
		texts("app", reflect.ValueOf(&a.App), visit)
		texts("site", reflect.ValueOf(&h.Site), visit)
	}
	a, h := read()
	both(a, h, func(path string, _ reflect.Value) { paths = append(paths, path) })
	tried := strings.Join(paths, " ")
	for _, field := range textFields(nil, reflect.TypeFor[config.App](), reflect.TypeFor[config.Site]()) {
		if !strings.Contains(tried, "."+field) {
			t.Errorf("%s is not tried: add its word to everyWord", field)
		}
	}
	filled := 0
	for _, path := range paths {
		a, h := read()
		both(a, h, func(at string, v reflect.Value) {
			if at == path {
				t.Setenv("LATCHKEY_WORD", v.String())
				v.SetString("{env.LATCHKEY_WORD}")
			}
		})
		err := func() error {
			defer func() { _ = a.Cleanup() }()
			if err := a.Provision(ctx); err != nil {
				return err
			}
			return h.provision(ctx, a)
		}()
		if err != nil {
			if !strings.Contains(err.Error(), "LATCHKEY_WORD") {
				t.Errorf("%s: refused without naming the placeholder: %v", path, err)
			}
			continue
		}
		filled++
		both(a, h, func(at string, v reflect.Value) {
			if strings.Contains(v.String(), "{env.") {
				t.Errorf("%s is %q", at, v)
			}
		})
		if said := fmt.Sprintf("%+v %+v", a.tenant.Providers[0].Config, a.tenant.Networks); strings.Contains(said, "{env.") {
			t.Errorf("%s: the provider has it as it stands: %s", path, said)
		}
	}
	if filled < 30 {
		t.Errorf("only %d of %d texts are filled in", filled, len(paths))
	}
}
