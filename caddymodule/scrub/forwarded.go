package scrub

// What a proxy in front tells of a request: where it came from, for which host, by which scheme, port and path prefix, and
// with which client certificate. Applications read it, some before X-Forwarded-For, -Host and -Proto, so a client could have
// the application see another address, host or scheme than the rules have seen, or another certificate than it has. Only a
// proxy that Caddy trusts may say any of it. All names are folded.
var (
	forwarded = []string{
		"forwarded", "x-forwarded-ssl", "x-forwarded-scheme", "x-forwarded-protocol", "x-url-scheme", "x-scheme", "front-end-https",
		"x-forwarded-port", "x-real-port", "x-forwarded-prefix", "cf-visitor", "x-arr-ssl", "cloudfront-forwarded-proto",
	}
	forwardedAddresses = []string{
		"x-real-ip", "x-client-ip", "client-ip", "x-clientip", "true-client-ip", "x-true-client-ip", "x-cluster-client-ip",
		"x-forwarded", "forwarded-for", "x-forwarded-for-original", "x-original-forwarded-for", "x-original-for",
		"cf-connecting-ip", "cf-connecting-ipv6", "cf-pseudo-ipv4", "fastly-client-ip", "fly-client-ip", "do-connecting-ip",
		"x-appengine-user-ip", "x-azure-clientip", "x-azure-socketip", "x-envoy-external-address", "x-nf-client-connection-ip",
		"cloudfront-viewer-address", "ali-cdn-real-ip", "cdn-src-ip", "incap-client-ip", "proxy-client-ip", "wl-proxy-client-ip",
		"x-proxyuser-ip", "x-originating-ip", "x-originating-addr", "x-source-ip", "x-host-ip",
	}
	forwardedCertificates = []string{
		"client-cert", "client-cert-chain", "x-forwarded-client-cert", "x-client-cert", "x-client-certificate", "x-arr-clientcert",
		"ssl-cert", "x-ssl-cert", "x-client-dn", "x-client-verify", "wl-proxy-client-cert",
	}
	forwardedPrefixes = []string{"x-forwarded-tls-client-cert", "x-amzn-mtls-", "x-ssl-client-", "ssl-client-"}
)

// forwardedByCaddy are headers that Caddy sets itself, in this one spelling: there it replaces what a client said.
var forwardedByCaddy = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// Behind returns the names to remove from what a trusted proxy sends: its own headers stay, in their usual spelling.
func (n *Names) Behind() *Names { return &Names{configured: n.configured, behind: true} }

// forwards tells whether name, which is known and not fixed, is a header of a proxy that has to go. X_Forwarded_Host and X-Forwarded-Host are one
// variable to CGI, and Caddy sets the second alone, so another spelling goes in any case (A52).
func (n *Names) forwards(name string) bool {
	for _, own := range forwardedByCaddy {
		if name == own {
			return false
		}
	}
	if !n.behind {
		return true
	}
	for i := range len(name) {
		if name[i] != '-' && foldByte[name[i]] == '-' {
			return true
		}
	}
	return false
}
