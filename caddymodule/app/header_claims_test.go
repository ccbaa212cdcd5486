package app_test

import (
	"slices"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// Field trial 1.6: each provider knows the claims that headers of any site carry: sites share their sessions.
func TestHeaderClaims(t *testing.T) {
	c := apptest.Provision(t, `{
	latchkey {
		provider main {
			issuer http://127.0.0.1:1
			client_id client
		}
		provider other {
			issuer http://127.0.0.1:2
			client_id client
		}
	}
}
http://wiki.localhost {
	latchkey {
		header X-Number employee.number
		header X-Dept dept
	}
}
http://mail.localhost {
	latchkey {
		provider other
		header X-Department dept
		header X-Roles roles[*].name
	}
}`)
	t.Cleanup(c.Close)
	providers := c.Estate().Tenant.Providers
	if len(providers) != 2 {
		t.Fatalf("%d providers", len(providers))
	}
	for _, p := range providers {
		if got, want := p.HeaderClaims(), []string{"dept", "employee.number", "roles[*].name"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", p.Name, got, want)
		}
	}
}
