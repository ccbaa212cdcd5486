package command

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

func clientKey(t *testing.T, key crypto.Signer) func() (*oidc.ClientKey, error) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := oidc.ParseClientKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return func() (*oidc.ClientKey, error) { return parsed, err }
}

// A provider that cannot do what the FAPI 2.0 profile and signed requests demand is found before its users are.
func TestDoctorComparesProfile(t *testing.T) {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, rsaKey := clientKey(t, oidctest.NewKey(t)), clientKey(t, long)
	full := func(change func(*oidc.Offers)) oidc.Offers {
		o := oidc.Offers{
			AuthMethods: []string{"private_key_jwt", "tls_client_auth"}, AuthAlgorithms: []string{"RS256", "PS256", "ES256"}, Challenges: []string{"S256"},
			DPoPAlgorithms: []string{"ES256"}, PushEndpoint: "https://login.example.com/par", IDAlgorithms: []string{"RS256", "PS256"},
			RequestAlgorithms: []string{"PS256", "ES256"}, IssInResponse: true, CertificateBound: true,
		}
		if change != nil {
			change(&o)
		}
		return o
	}
	strict := oidc.Config{FAPI: true, DPoP: true, Push: oidc.PushRequire, ClientKey: curve}
	signed := oidc.Config{Sign: oidc.SignRequire, ClientKey: rsaKey}
	for name, row := range map[string]struct {
		config      oidc.Config
		offers      oidc.Offers
		level, want string // no level: nothing may be found
	}{
		"fits":             {strict, full(nil), "", ""},
		"RS256 alone":      {strict, full(func(o *oidc.Offers) { o.IDAlgorithms = []string{"RS256"} }), findFail, "profile fapi2: it signs ID tokens with RS256"},
		"no iss":           {strict, full(func(o *oidc.Offers) { o.IssInResponse = false }), findWarn, "responses name their issuer"},
		"no endpoint":      {strict, full(func(o *oidc.Offers) { o.PushEndpoint = "" }), findFail, "no pushed_authorization_request_endpoint"},
		"no proofs":        {strict, full(func(o *oidc.Offers) { o.DPoPAlgorithms = nil }), findFail, "dpop on"},
		"RSA key":          {oidc.Config{FAPI: true, DPoP: true, Push: oidc.PushRequire, ClientKey: rsaKey}, full(nil), "", ""},
		"RSA key at RS256": {oidc.Config{FAPI: true, DPoP: true, Push: oidc.PushRequire, ClientKey: rsaKey}, full(func(o *oidc.Offers) { o.AuthAlgorithms = []string{"RS256"} }), findFail, "the key signs with PS256, and it takes RS256"},
		"certificate":      {oidc.Config{FAPI: true, Push: oidc.PushRequire, ClientCertificate: unreadable}, full(nil), "", ""},
		"unbound":          {oidc.Config{FAPI: true, Push: oidc.PushRequire, ClientCertificate: unreadable}, full(func(o *oidc.Offers) { o.CertificateBound = false }), findFail, "does not bind tokens to the certificate"},
		"unbound, dpop":    {oidc.Config{FAPI: true, DPoP: true, Push: oidc.PushRequire, ClientCertificate: unreadable}, full(func(o *oidc.Offers) { o.CertificateBound = false }), "", ""},

		"signed":               {signed, full(func(o *oidc.Offers) { o.RequestAlgorithms = []string{"RS256"} }), "", ""},
		"signed otherwise":     {signed, full(func(o *oidc.Offers) { o.RequestAlgorithms = []string{"ES256"} }), findFail, "signed_requests: the key signs with RS256, and it takes ES256"},
		"signed, not said":     {signed, full(func(o *oidc.Offers) { o.RequestAlgorithms = nil }), findWarn, "it does not say that it takes signed authorization requests"},
		"required and off":     {oidc.Config{Sign: oidc.SignOff, ClientKey: curve}, full(func(o *oidc.Offers) { o.RequiresSigned = true }), findFail, "signed_requests off"},
		"required, no key":     {oidc.Config{ClientCertificate: unreadable}, full(func(o *oidc.Offers) { o.RequiresSigned = true }), findFail, "and there is no key"},
		"required, with a key": {oidc.Config{ClientKey: curve}, full(func(o *oidc.Offers) { o.RequiresSigned = true }), "", ""},
	} {
		found := compare(oidc.New(row.config), &oidc.Examination{Offers: row.offers}, expected{})
		if row.level == "" && len(found) > 0 {
			t.Errorf("%s: %+v", name, found)
		}
		if row.level != "" && (len(found) != 1 || found[0].level != row.level || !strings.Contains(found[0].text, row.want)) {
			t.Errorf("%s: %+v, want %s %q", name, found, row.level, row.want)
		}
	}
}

// Both keys of a rotation are printed as one key set, the one that signs first.
func TestDoctorPrintsKeys(t *testing.T) {
	signs, next := clientKey(t, oidctest.NewKey(t)), clientKey(t, oidctest.NewKey(t))
	for want, c := range map[int]oidc.Config{1: {ClientKey: signs}, 2: {ClientKey: signs, NextClientKey: next}} {
		found := clientKeysToRegister(oidc.New(c))
		if len(found) != 1 || found[0].Level != findOK {
			t.Fatalf("%+v", found)
		}
		_, text, _ := strings.Cut(found[0].Message, ": ")
		var set jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) != want {
			t.Fatalf("%s: %v", found[0].Message, err)
		}
		if first, err := signs(); err != nil || set.Keys[0].KeyID != first.ID {
			t.Errorf("first is %s, %v", set.Keys[0].KeyID, err)
		}
	}
	unreadable := func() (*oidc.ClientKey, error) { return oidc.ParseClientKey(nil) }
	if found := clientKeysToRegister(oidc.New(oidc.Config{ClientKey: signs, NextClientKey: unreadable})); len(found) != 1 || found[0].Level != findFail {
		t.Errorf("%+v", found)
	}
}
