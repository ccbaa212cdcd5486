package scrub

// forwarded are headers, folded, in which a proxy in front tells for which host and by which scheme a request came to it.
// Frameworks read them, some before X-Forwarded-Proto and X-Forwarded-Host, so a client could have the application see
// another host or scheme than the rules have seen. Only a proxy that Caddy trusts may say them.
var forwarded = []string{
	"forwarded", "x-forwarded-ssl", "x-forwarded-scheme", "x-forwarded-protocol", "x-url-scheme", "x-scheme", "front-end-https",
}

// forwardedByCaddy are headers that Caddy sets itself, in this one spelling: there it replaces what a client said.
var forwardedByCaddy = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

var forwarding = func() *table {
	t := &table{exact: make(map[string]struct{}, len(forwarded)+len(forwardedByCaddy))}
	for _, name := range forwarded {
		t.add(name)
	}
	for _, name := range forwardedByCaddy {
		t.add(name)
	}
	return t
}()

// Behind returns the names to remove from what a trusted proxy sends: its own headers stay, in their usual spelling.
func (n *Names) Behind() *Names { return &Names{configured: n.configured, behind: true} }

// forwards tells whether name is a header of a proxy that has to go. X_Forwarded_Host and X-Forwarded-Host are one
// variable to CGI, and Caddy sets the second alone, so another spelling goes in any case (A52).
func (n *Names) forwards(name string) bool {
	if !forwarding.has(name) {
		return false
	}
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
