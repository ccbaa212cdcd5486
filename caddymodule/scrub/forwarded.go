package scrub

// Headers in which a proxy describes a request: its source, host, scheme, port, path prefix and client certificate.
// Some applications read them before X-Forwarded-For, -Host and -Proto. A client could then make the application see
// another address, host, scheme or certificate than the rules. Only a proxy that Caddy trusts may send them. All names
// are folded.
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

// forwardedByCaddy are headers that Caddy itself sets, in exactly this spelling; it replaces the client's values.
var forwardedByCaddy = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// Behind returns the names to remove from the request of a trusted proxy: the proxy's own headers stay, in their usual
// spelling.
func (n *Names) Behind() *Names { return &Names{configured: n.configured, behind: true} }

// forwards reports whether a known name that is not fixed must be removed as a proxy header. For CGI, X_Forwarded_Host
// and X-Forwarded-Host are the same variable, and Caddy sets only the second, so other spellings are always removed
// (A52).
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
