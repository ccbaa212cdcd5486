package oidc

import (
	"net/url"
	"testing"
)

// An endpoint is known by its path: at an internal address the host is another one.
func TestEndpointOf(t *testing.T) {
	p := New(Config{Name: "main", Issuer: "https://idp.example.com/realm", ClientID: "x"})
	of := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return EndpointOf(p, u)
	}
	if got := of("https://idp.example.com/realm/token"); got != EndpointOther {
		t.Errorf("without metadata it is %s", got)
	}
	p.meta.Store(&Metadata{
		TokenEndpoint: "https://idp.example.com/realm/token?x=1", JWKSURI: "https://keys.example.com/certs", UserInfoEndpoint: "https://idp.example.com/realm/me",
		RevocationEndpoint: "https://idp.example.com/realm/revoke", IntrospectionEndpoint: "https://idp.example.com/realm/introspect",
		PushEndpoint: "https://idp.example.com/realm/par",
	})
	for address, want := range map[string]string{
		"https://idp.example.com/realm/.well-known/openid-configuration": EndpointMetadata,
		"http://keycloak:8080/realm/.well-known/openid-configuration":    EndpointMetadata,
		"https://idp.example.com/realm/token":                            EndpointToken,
		"http://keycloak:8080/realm/token":                               EndpointToken,
		"https://keys.example.com/certs":                                 EndpointKeys,
		"https://idp.example.com/realm/me":                               EndpointUserInfo,
		"https://idp.example.com/realm/revoke":                           EndpointRevocation,
		"https://idp.example.com/realm/introspect":                       EndpointIntrospection,
		"https://idp.example.com/realm/par":                              EndpointPush,
		"https://graph.example.com/v1.0/me/memberOf":                     EndpointOther,
		"https://idp.example.com":                                        EndpointOther,
	} {
		if got := of(address); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}
