package manysites

import (
	"fmt"
	"strings"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// kind is what stands in each site.
type kind int

const (
	plain kind = iota // reverse_proxy alone
	idle              // a handler of Caddy's that does nothing, of about the size of latchkey's
	guarded
)

var names = [...]string{plain: "plain Caddy", idle: "plain Caddy with one more handler a site", guarded: "Latchkey"}

// caddyfile is a whole configuration. Of the policies a quarter has a matcher, a quarter excludes a network, a quarter names
// two of the sites.
func caddyfile(k kind, a rig.Addresses, size Size) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n", a.Admin)
	if k == guarded {
		fmt.Fprintf(&b, "\tlatchkey {\n\t\tprovider main {\n\t\t\tissuer %s\n\t\t\tclient_id bench\n\t\t\tclient_secret a-secret-of-this-run\n\t\t}\n", a.Issuer)
		fmt.Fprintf(&b, "\t\tkeys a-key-of-this-run-with-its-thirty-two-bytes\n\t\tstore file %s\n\t\tnetwork office 10.0.0.0/8\n", a.File)
		for i := range size.Policies {
			fmt.Fprintf(&b, "\t\tpolicy policy-%d {\n\t\t\tinclude group department-%[1]d\n\t\t\trequire mfa\n\t\t\tsign_in_frequency 8h\n", i)
			switch i % 4 {
			case 0:
				fmt.Fprintf(&b, "\t\t\tmatch {\n\t\t\t\tpath /area-%d/*\n\t\t\t}\n", i)
			case 1:
				b.WriteString("\t\t\texclude network office\n")
			case 2:
				fmt.Fprintf(&b, "\t\t\tinclude app site-%d.example.com site-%d.example.com\n", i%size.Sites, (i+1)%size.Sites)
			}
			b.WriteString("\t\t}\n")
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n\n")
	_, port, _ := strings.Cut(a.Site, ":")
	for i := range size.Sites {
		fmt.Fprintf(&b, "http://site-%d.example.com:%s {\n", i, port)
		switch k {
		case idle:
			fmt.Fprintf(&b, "\tvars app site-%d.example.com\n", i)
		case guarded:
			b.WriteString("\tlatchkey\n")
		}
		fmt.Fprintf(&b, "\treverse_proxy %s\n}\n", a.App)
	}
	return b.String()
}
