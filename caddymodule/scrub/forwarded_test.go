package scrub

import (
	"net/http"
	"testing"
)

// What only a proxy may say goes from a client, and what Caddy sets itself goes in every spelling but that one (found by
// test/differential; A20, A52).
func TestForwarded(t *testing.T) {
	n, err := NewNames()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name           string
		client, behind bool // does it go?
	}{
		{"Forwarded", true, false},
		{"X-Forwarded-Ssl", true, false},
		{"X-Forwarded-Scheme", true, false},
		{"Front-End-Https", true, false},
		{"Front_end_https", true, true},
		{"X-Real-Ip", true, false},
		{"X_real_ip", true, true},
		{"X-Client-Ip", true, false},
		{"Client-Ip", true, false},
		{"True-Client-Ip", true, false},
		{"Cf-Connecting-Ip", true, false},
		{"Fastly-Client-Ip", true, false},
		{"X-Original-Forwarded-For", true, false},
		{"Forwarded-For", true, false},
		{"X-Forwarded", true, false},
		{"X-Forwarded-Port", true, false},
		{"X-Forwarded-Prefix", true, false},
		{"X.forwarded.prefix", true, true},
		{"Client-Cert", true, false},
		{"Client-Cert-Chain", true, false},
		{"X-Forwarded-Client-Cert", true, false},
		{"X-Forwarded-Tls-Client-Cert-Info", true, false},
		{"X-Ssl-Client-S-Dn", true, false},
		{"X_SSL_Client_Verify", true, true},
		{"Ssl-Client-Verify", true, false},
		{"X-Forwarded-For", false, false},
		{"X-Forwarded-Host", false, false},
		{"X-Forwarded-Proto", false, false},
		{"X_forwarded_host", true, true},
		{"X-Forwarded_Proto", true, true},
		{"X.Forwarded.For", true, true},
		{"X-Forwarded-Hosts", false, false},
		{"X-Real", false, false},
		{"X-Request-Id", false, false},
		{"Client-Certs", false, false},
		{"Cf-Ray", false, false},
		{"Via", false, false},
		{"Traceparent", false, false},
	}
	for _, tt := range tests {
		if got := n.Has(tt.name); got != tt.client {
			t.Errorf("%s from a client: taken out is %v", tt.name, got)
		}
		if got := n.Behind().Has(tt.name); got != tt.behind {
			t.Errorf("%s from a trusted proxy: taken out is %v", tt.name, got)
		}
	}
}

// HTTP/2 and HTTP/3 carry blanks around a value, which the application behind HTTP/1.1 does not get: rules see what it
// gets.
func TestBlanksAroundValues(t *testing.T) {
	n, err := NewNames()
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"X-Tenant": {" internal", "guest", "a b\t"}, "X-Empty": {"", " "}}
	Headers(h, n)
	want := http.Header{"X-Tenant": {"internal", "guest", "a b"}, "X-Empty": {"", ""}}
	for name, values := range want {
		for i, v := range values {
			if h[name][i] != v {
				t.Errorf("%s: %q, want %q", name, h[name][i], v)
			}
		}
	}
}
