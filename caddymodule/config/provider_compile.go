package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signin/leave"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

var (
	defaultIWAMethods = []string{"wia", "kerberos", "negotiate", "spnego"}
	defaultMFAMethods = []string{"mfa", "otp", "hwk", "swk", "fido"}
)

// Compile builds a provider from a configuration whose placeholders are replaced and which is checked. It reads files
// and environment variables, and makes no network connection.
func (p *Provider) Compile(logger *zap.Logger, wrap func(http.RoundTripper) http.RoundTripper) (*oidc.Provider, error) {
	var secret func() (string, error)
	if p.ClientSecret != "" {
		secret = func() (string, error) { return Resolve("client_secret", p.ClientSecret) }
		if _, err := secret(); err != nil {
			return nil, err
		}
		if !HasPlaceholder(p.ClientSecret) {
			logger.Warn("client_secret stands in the configuration itself; use {env.NAME} or {file./path}", zap.String("provider", p.Called()))
		}
	}
	key, next, err := p.clientKeys()
	if err != nil {
		return nil, err
	}
	certificate, err := p.clientCertificate()
	if err != nil {
		return nil, err
	}
	var auth ClientAuth
	if p.ClientAuth != nil {
		auth = *p.ClientAuth
	}
	endSession, err := p.endSession()
	if err != nil {
		return nil, err
	}
	roots, err := p.roots()
	if err != nil {
		return nil, err
	}
	return oidc.New(oidc.Config{
		Name:         p.Called(),
		Title:        p.DisplayName,
		Issuer:       p.Issuer,
		ClientID:     p.ClientID,
		ClientSecret: secret,
		ClientMethod: auth.Method, ClientKey: key, NextClientKey: next, ClientAudience: p.audience(), ClientCertificate: certificate,
		MetadataURL: p.MetadataURL, InternalURL: strings.TrimSuffix(p.InternalURL, "/"), EndSession: endSession,
		TrustAudience: p.TrustAudience,
		DPoP:          p.bound(),
		Push:          p.push(),
		Sign:          strings.TrimPrefix(p.SignedRequests, PARAuto),
		FAPI:          p.strict(),
		SilentRecheck: p.Recheck == RecheckSilent,
		Scopes:        p.Scopes,
		AuthParams:    p.AuthParams,
		Claims:        p.claims(),
		Client:        oidc.NewClient(oidc.ClientConfig{Roots: roots, Certificate: certificate, AEADOnly: p.strict(), Wrap: wrap}),
		Logger:        logger,
	}), nil
}

// clientKeys returns functions that read the client's key and the next one; nil if there is none. If a file is missing or
// contains no key, the configuration is refused (A56).
func (p *Provider) clientKeys() (key, next func() (*oidc.ClientKey, error), err error) {
	if p.ClientAuth == nil || p.ClientAuth.Method != PrivateKeyJWT {
		return nil, nil, nil
	}
	key = p.keyIn(p.ClientAuth.KeyFile)
	first, err := key()
	if err != nil || p.ClientAuth.NextKeyFile == "" {
		return key, nil, err
	}
	next = p.keyIn(p.ClientAuth.NextKeyFile)
	second, err := next()
	if err == nil && first.ID == second.ID {
		err = errors.New("client_auth: next_key is the same key")
	}
	return key, next, err
}

// keyIn returns a function that reads a key of the client.
func (p *Provider) keyIn(file string) func() (*oidc.ClientKey, error) {
	return func() (*oidc.ClientKey, error) {
		name, err := Resolve("client_auth", file)
		if err != nil {
			return nil, err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("client_auth: %w", err)
		}
		key, err := oidc.ParseClientKey(data)
		if err != nil {
			return nil, fmt.Errorf("client_auth: %s: %w", name, err)
		}
		if p.strict() && !slices.Contains(oidc.FAPIAlgorithms, key.Algorithm(oidc.FAPIAlgorithms)) {
			return nil, fmt.Errorf("client_auth: %s: profile fapi2 takes an RSA key or an EC key of P-256", name)
		}
		return key, nil
	}
}

// clientCertificate returns a function that reads the client's certificate, or nil if there is none. If a file is missing
// or the key is another one's, the configuration is refused (A56).
func (p *Provider) clientCertificate() (func() (*tls.Certificate, error), error) {
	if p.ClientAuth == nil || p.ClientAuth.Method != ClientTLS {
		return nil, nil
	}
	read := func() (*tls.Certificate, error) {
		cert, err := Resolve("client_auth", p.ClientAuth.CertFile)
		if err != nil {
			return nil, err
		}
		key, err := Resolve("client_auth", p.ClientAuth.KeyFile)
		if err != nil {
			return nil, err
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("client_auth: %s, %s: %w", cert, key, err)
		}
		return &pair, nil
	}
	_, err := read()
	return read, err
}

// endSession returns the configured URL of the sign-out, or nil if there is none.
func (p *Provider) endSession() (*leave.Template, error) {
	if p.EndSessionURL == "" {
		return nil, nil
	}
	raw, err := resolveSome("end_session_url", p.EndSessionURL, leave.Names()...)
	if err != nil {
		return nil, err
	}
	t, err := parseEndSession(raw)
	if err != nil {
		return nil, fmt.Errorf("end_session_url: %w", err)
	}
	return t, nil
}

func (p *Provider) claims() oidc.ClaimsConfig {
	c := oidc.ClaimsConfig{
		Groups:         p.GroupsClaim,
		GraphURL:       p.GroupsOverage,
		User:           p.UserClaims,
		TrustUserNames: p.TrustUserNames,
		IWAMethods:     p.IWAAMR,
		MFAMethods:     p.MFAAMR,
		MFAContexts:    p.MFAACR,
		Compliant:      p.Device.Compliant,
		Managed:        p.Device.Managed,
		SignInRisk:     p.Risk.SignIn,
		UserRisk:       p.Risk.User,
		SharedDevice:   p.Device.Shared,
	}
	if len(c.IWAMethods) == 0 {
		c.IWAMethods = defaultIWAMethods
	}
	if len(c.MFAMethods) == 0 {
		c.MFAMethods = defaultMFAMethods
	}
	if p.Guest != nil {
		c.GuestClaim, c.GuestValue = p.Guest.Claim, p.Guest.Value
	}
	if p.Inherit != nil {
		c.InheritClaim, c.InheritValues = p.Inherit.Claim, p.Inherit.Values
	}
	return c
}

func (p *Provider) roots() (*x509.CertPool, error) { return loadRoots(p.CAFile) }

// loadRoots reads the authorities that are trusted; nil if no file is named.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate", file)
	}
	return pool, nil
}
