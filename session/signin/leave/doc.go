// Package leave builds the URL at which a provider signs a user out (OpenID Connect RP-Initiated Logout 1.0), or the
// URL of a configured template for a provider with its own way.
//
// It keeps the URL short enough for common servers and proxies, and omits what does not fit. It sends no request, and
// does not know whether the provider accepts the parameters.
package leave
