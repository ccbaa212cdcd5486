package rig

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// BoundIn writes bound sessions into a Redis.
func (r *Rig) BoundIn(ctx context.Context, redis *Redis, n int) (all []*Device, err error) {
	manager, _, done, err := redis.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	for i := range n {
		d, err := newDevice(ctx, manager, manager.Keys(), r.Issuer, i)
		if err != nil {
			return nil, fmt.Errorf("writing a bound session: %w", err)
		}
		all = append(all, d)
	}
	return all, nil
}

func newDevice(ctx context.Context, manager *session.Manager, ring *keyring.Ring, issuer string, user int) (*Device, error) {
	draft, token, err := create(ctx, manager, issuer, user, Renewable)
	if err != nil {
		return nil, err
	}
	d := &Device{identifier: "!" + session.NewRandom(16)}
	if d.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if d.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, (&jose.SignerOptions{}).WithType("dbsc+jwt")); err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(d.key.Public())
	if err != nil {
		return nil, err
	}
	if _, err := manager.Bind(ctx, token.ID, session.DeviceKey{Identifier: d.identifier, Key: public, Algorithm: "ES256"}, session.KeyID{}); err != nil {
		return nil, err
	}
	if _, _, err := manager.ConfirmBinding(ctx, token.ID); err != nil {
		return nil, err
	}
	token.Bound = true
	d.cookies = cookiesOf(ring, token, draft.BrowserID)
	return d, nil
}

// WithDevices writes so many bound sessions, which a gateway gives their first short cookies.
func (r *Rig) WithDevices(ctx context.Context, g *Gateway, redis *Redis, n int) ([]Person, error) {
	devices, err := r.BoundIn(ctx, redis, n)
	if err != nil {
		return nil, err
	}
	if err := RefreshAll(ctx, devices, g.Site, AtOnce); err != nil {
		return nil, err
	}
	all := make([]Person, n)
	for i, d := range devices {
		all[i] = Person{Cookies: d.Header()}
	}
	return all, nil
}
