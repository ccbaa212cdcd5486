package site

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

var assertedUser = &session.Record{
	Identity: session.Identity{Issuer: "https://idp.example.com", Subject: "s-1"}, User: "ada", Name: "Ada Lovelace", Email: "ada@example.com",
	EmailVerified: true, Groups: []string{"staff", "admins"}, GroupsComplete: true, AuthTime: time.Unix(1_790_000_000, 0), ACR: "mfa",
}

func asserting() *Site {
	return &Site{Tenant: &Tenant{}, Site: &config.Site{Assertion: &config.Assertion{Audience: "wiki"}}}
}

func BenchmarkAssertion(b *testing.B) {
	h, signer := asserting(), keyringtest.Ring(b, 'a').Signer(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.sign(signer, "https://wiki.example.com", assertedUser, time.Unix(1_790_000_100, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
