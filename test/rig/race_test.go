package rig

import "testing"

// Caddy's own race is not ours; one that has a line of ours at either end is.
func TestRaces(t *testing.T) {
	report := func(one, other string) string {
		return "{\"level\":\"info\"}\n==================\nWARNING: DATA RACE\nWrite at 0x00c0 by goroutine 1:\n  " + one +
			"()\n      /a.go:1 +0x1\n\nPrevious read at 0x00c0 by goroutine 2:\n  " + other +
			"()\n      /b.go:2 +0x2\n  github.com/latchkey-gateway/latchkey/caddymodule.(*Handler).ServeHTTP()\n" +
			"\nGoroutine 1 (running) created at:\n  main.main()\n==================\n"
	}
	const caddy, own = "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy.(*Handler).Cleanup", "github.com/latchkey-gateway/latchkey/session.(*Manager).look"
	for log, want := range map[string]int{
		"": 0, report(caddy, caddy): 0, report(own, own): 1, report(caddy, own): 1, report(caddy, caddy) + report(own, caddy): 1,
		"WARNING: DATA RACE\ncut off": 1, report("runtime.mapassign", caddy): 1,
	} {
		if got := races(log); len(got) != want {
			t.Errorf("%d races, want %d, in %q", len(got), want, log)
		}
	}
}
