package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
)

// ClientKey signs the client's assertions to a provider (private_key_jwt: RFC 7523, OpenID Connect Core, section 9).
type ClientKey struct {
	// ID is the parameter kid: the thumbprint of the public key (RFC 7638).
	ID   string
	key  crypto.Signer
	cert string // x5t#S256 of the certificate in the file, if there is one; Entra identifies the key by it
}

// ParseClientKey parses a PEM file with an RSA key of at least 2048 bits or an EC key (P-256, P-384, P-521), and
// optionally its certificate. Its errors never contain parts of the key.
func ParseClientKey(data []byte) (*ClientKey, error) {
	out := new(ClientKey)
	var cert *x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			if c, err := x509.ParseCertificate(block.Bytes); err == nil && cert == nil {
				cert = c
			}
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if out.key != nil {
				return nil, errors.New("there are two private keys in the file")
			}
			if out.key = parsePrivate(block.Bytes); out.key == nil {
				return nil, errors.New("the private key cannot be read")
			}
		}
	}
	switch k := out.key.(type) {
	case nil:
		return nil, errors.New("there is no private key in PEM form in the file")
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return nil, errors.New("the RSA key has fewer than 2048 bits")
		}
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P224() {
			return nil, errors.New("P-224 is no curve for signatures here")
		}
	default:
		return nil, errors.New("the private key is neither RSA nor EC")
	}
	thumb, err := (&jose.JSONWebKey{Key: out.key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errors.New("the private key cannot be used")
	}
	out.ID = base64.RawURLEncoding.EncodeToString(thumb)
	if cert != nil {
		if pub, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(out.key.Public()) {
			return nil, errors.New("the certificate in the file is another key's")
		}
		sum := sha256.Sum256(cert.Raw)
		out.cert = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return out, nil
}

func parsePrivate(der []byte) crypto.Signer {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := k.(crypto.Signer)
		return signer
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k
	}
	return nil
}

// algorithm returns an algorithm that the provider accepts; if that is not known, RS256 or the one of the curve.
func (k *ClientKey) algorithm(taken []string) jose.SignatureAlgorithm {
	ec, ok := k.key.(*ecdsa.PrivateKey)
	switch {
	case ok && ec.Curve == elliptic.P256():
		return jose.ES256
	case ok && ec.Curve == elliptic.P384():
		return jose.ES384
	case ok:
		return jose.ES512
	case slices.Contains(taken, "PS256") && !slices.Contains(taken, "RS256"):
		return jose.PS256
	}
	return jose.RS256
}

// Algorithm returns the algorithm for a provider that accepts these.
func (k *ClientKey) Algorithm(taken []string) string { return string(k.algorithm(taken)) }

// PublicKeys returns public keys as a JSON Web Key Set, to register at the provider.
func PublicKeys(keys ...*ClientKey) (string, error) {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.key.Public(), KeyID: k.ID, Use: "sig"})
	}
	text, err := json.Marshal(set)
	return string(text), err
}

// clientAssertionLife is how long an assertion is valid. It is used at once and only once.
const clientAssertionLife = time.Minute

// assertionIDSize is the number of random bytes in the claim jti.
const assertionIDSize = 16

// sign creates a client assertion (RFC 7523, section 3).
func (k *ClientKey) sign(clientID, audience string, algorithms []string, now time.Time) (string, error) {
	return k.signJWT("JWT", algorithms, map[string]any{
		"iss": clientID, "sub": clientID, "aud": audience, "jti": session.NewRandom(assertionIDSize),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(clientAssertionLife).Unix(),
	})
}

// signJWT signs claims for a provider that accepts these algorithms.
func (k *ClientKey) signJWT(typ jose.ContentType, algorithms []string, claims map[string]any) (string, error) {
	options := new(jose.SignerOptions).WithType(typ)
	if k.cert != "" {
		options = options.WithHeader("x5t#S256", k.cert)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: k.algorithm(algorithms), Key: jose.JSONWebKey{Key: k.key, KeyID: k.ID},
	}, options)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
