package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// kase is one request to one site.
type kase struct {
	number  int
	rule    *rule
	request *request
	// fixed says that path and query must reach the app byte for byte, and must reach it.
	fixed bool
	gw    *gateway
}

// id is what the app knows a case by.
func (k *kase) id() string { return fmt.Sprint(k.number) }

// cookies are those of the person who is signed in, if the site wants one.
func (k *kase) cookies() []field {
	addr := k.gw.plain
	if k.request.proto == http2 || k.request.proto == http3 {
		addr = k.gw.tls
	}
	if c, ok := k.gw.cookies[addr+k.rule.host()]; ok {
		return []field{c}
	}
	return nil
}

// generator makes cases. What it makes depends on the seed and the number of the case alone.
type generator struct {
	seed  uint64
	rules []*rule
	gw    *gateway
}

func (g *generator) make(number int) *kase {
	d := &dice{rand.New(rand.NewPCG(g.seed, uint64(number)))} //nolint:gosec // repeatable by design
	k := &kase{number: number, rule: g.rules[d.IntN(len(g.rules))], gw: g.gw}
	r := &request{method: "GET", target: "/list", proto: d.pick(http11, http11, http11, http11, http11, http2, http2, http2, http3, http10)}
	if k.rule.anyHost && (r.proto == http2 || r.proto == http3) {
		r.proto = http11
	}
	r.host = k.rule.host()
	if d.IntN(3) == 0 {
		k.rule.open(r)
	} else {
		k.rule.close(r)
	}
	if k.rule.anyHost && r.proto != http10 {
		r.proto = http11
	}
	k.request = r
	if r.method != "GET" && d.IntN(2) == 0 {
		r.body = "a=b"
	}
	for range 1 + d.IntN(4) {
		mutators[d.IntN(len(mutators))](d, r)
	}
	if k.rule.cgi {
		r.connect = "" // FastCGI has no tunnel, and its request ends only when the client closes it
	}
	// What would end a line would be another request, and the case would be lost.
	clean := strings.NewReplacer("\r", "", "\n", "")
	r.method, r.target, r.host = clean.Replace(r.method), clean.Replace(r.target), clean.Replace(r.host)
	return k
}

// dice are the random choices of one case.
type dice struct{ *rand.Rand }

func (d *dice) pick(from ...string) string { return from[d.IntN(len(from))] }

// at is a random place in s, its end included.
func (d *dice) at(s string) int { return d.IntN(len(s) + 1) }

func insert(s string, i int, what string) string { return s[:i] + what + s[i:] }

// swapCase changes the case of some letters.
func (d *dice) swapCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if (c|0x20) >= 'a' && (c|0x20) <= 'z' && d.IntN(2) == 0 {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// encode writes some characters as escapes, in either case of the digits, some of them twice.
func (d *dice) encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if d.IntN(4) != 0 || s[i] == '/' && d.IntN(4) != 0 {
			b.WriteByte(s[i])
			continue
		}
		format := d.pick("%%%02x", "%%%02X", "%%%02X", "%%25%02x")
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// spell writes a header's name as another spelling of it.
func (d *dice) spell(name string) string {
	switch d.IntN(4) {
	case 0:
		return name
	case 1:
		return d.swapCase(name)
	case 2:
		return strings.ReplaceAll(name, "-", "_")
	}
	b := []byte(d.swapCase(name))
	for i, c := range b {
		if c == '-' {
			b[i] = d.pick("-", "_", ".", "~", "!")[0]
		}
	}
	return string(b)
}
