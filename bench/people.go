package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// A person has a session.
type person struct {
	subject string
	// cookies is the Cookie header that their browser sends.
	cookies string
	// token is the access token of a program, which sends no cookies.
	token string
}

// people writes sessions straight into a store: what the gateway would have written if they had signed in, in seconds
// instead of minutes.
func people(ctx context.Context, store session.Store, issuer string, n, atOnce int, tokens tokens) ([]person, error) {
	ring, err := keyring.New([]byte(secretKey))
	if err != nil {
		return nil, err
	}
	manager := session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Cache: session.NewCache(session.CacheConfig{Entries: 64})})
	defer manager.Close()
	all := make([]person, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for first := range min(atOnce, n) {
		wait.Go(func() {
			for i := first; i < n && ctx.Err() == nil; i += atOnce {
				draft, token, err := create(ctx, manager, issuer, i, tokens)
				if err != nil {
					cancel(fmt.Errorf("writing sessions: %w", err))
					return
				}
				all[i] = person{
					subject: draft.Identity.Subject,
					cookies: cookieName + "=" + session.SealToken(ring, token, "127.0.0.1", cookieName) + "; " + cookieName + "-browser=" + draft.BrowserID,
				}
			}
		})
	}
	wait.Wait()
	return all, context.Cause(ctx)
}

// create writes one session. A machine that is busy elsewhere lets the store time out now and then.
func create(ctx context.Context, manager *session.Manager, issuer string, user int, tokens tokens) (session.Record, session.Token, error) {
	const tries = 10
	for try := 1; ; try++ {
		kept := tokens()
		draft, err := draftOf(issuer, user, kept)
		if err != nil {
			return draft, session.Token{}, err
		}
		_, token, err := manager.Create(ctx, draft, kept)
		if err == nil || try == tries || !errors.Is(err, session.ErrUnavailable) {
			return draft, token, err
		}
	}
}

// draftOf is the session that a sign-in which keeps these tokens creates: claims about the ID token itself are kept
// with its signature.
func draftOf(issuer string, user int, kept session.Tokens) (session.Record, error) {
	now := time.Now()
	payload := idClaims(issuer, user, now, session.NewRandom(16), session.NewRandom(16))
	if len(kept.IDSignature) == 0 {
		maps.DeleteFunc(payload, func(claim string, _ any) bool { return oidc.AboutToken(claim) })
	}
	claims, err := json.Marshal(payload)
	who := subject(user)
	return session.Record{
		Provider: providerName, Identity: session.Identity{Issuer: issuer, Subject: who}, ProviderSession: payload["sid"].(string),
		User: who + "@example.com", Name: "A Person", Email: who + "@example.com", EmailVerified: true,
		Claims: claims, Groups: groupsOf(user), GroupsComplete: true, GroupsAsOf: now, Kind: session.Persistent, KindReason: "answered",
		AuthTime: now, ACR: "1", AMR: []string{"pwd"}, BrowserID: session.NewRandom(16),
		FirstIP: "127.0.0.1", FirstAgent: userAgent, Apps: []string{appName},
	}, err
}

// fileWith makes a session file with so many people in it.
func (r *rig) fileWith(ctx context.Context, n int) (path string, all []person, err error) {
	path = filepath.Join(r.dir, "sessions.db")
	store, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		return "", nil, err
	}
	all, err = people(ctx, store, r.issuer, n, 256, renewable) // who share the syncs of a file
	if closing := store.Close(); err == nil {
		err = closing
	}
	return path, all, err
}

// redisWith puts so many people into a Redis and returns what each takes of its memory, lists included.
func (r *rig) redisWith(ctx context.Context, redis *server, n int, tokens tokens) (all []person, bytes float64, err error) {
	before, err := redis.kept(ctx)
	if err != nil {
		return nil, 0, err
	}
	store, err := redisstore.Open(redisstore.Config{URL: "redis://" + redis.address + "/0"})
	if err != nil {
		return nil, 0, err
	}
	all, err = people(ctx, store, r.issuer, n, 16, tokens)
	if closing := store.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, 0, err
	}
	after, err := redis.kept(ctx)
	return all, float64(after.all-before.all) / float64(n), err
}

// tokens are what a session keeps of those that its provider gave. This run's provider has no end_session_endpoint, so that
// nothing is kept for it but a refresh token.
type tokens func() session.Tokens

func renewable() session.Tokens { return session.Tokens{Refresh: refreshToken()} }

func none() session.Tokens { return session.Tokens{} }

// hint is what an id_token_hint takes of a token that is signed with ES256.
func hint() session.Tokens {
	return session.Tokens{
		IDHeader:    []byte(`{"alg":"ES256","typ":"JWT","kid":"` + session.NewRandom(8) + `"}`),
		IDSignature: []byte(session.NewRandom(48)),
	}
}

func refreshToken() string { return strings.Repeat(session.NewRandom(20), 30)[:800] }

// openRedis opens a Redis as the gateways do, to write into it. The caller calls done.
func openRedis(redis *server) (manager *session.Manager, store session.Store, done func() error, err error) {
	ring, err := keyring.New([]byte(secretKey))
	if err != nil {
		return nil, nil, nil, err
	}
	if store, err = redisstore.Open(redisstore.Config{URL: "redis://" + redis.address + "/0"}); err != nil {
		return nil, nil, nil, err
	}
	manager = session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Cache: session.NewCache(session.CacheConfig{Entries: 64})})
	return manager, store, func() error {
		manager.Close()
		return store.Close()
	}, nil
}

// boundIn writes bound sessions into a Redis.
func (r *rig) boundIn(ctx context.Context, redis *server, n int) (all []*device, err error) {
	manager, _, done, err := openRedis(redis)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	for i := range n {
		d, err := newDevice(ctx, manager, manager.Keys(), r.issuer, i)
		if err != nil {
			return nil, fmt.Errorf("writing a bound session: %w", err)
		}
		all = append(all, d)
	}
	return all, nil
}

func newDevice(ctx context.Context, manager *session.Manager, ring *keyring.Ring, issuer string, user int) (*device, error) {
	draft, token, err := create(ctx, manager, issuer, user, renewable)
	if err != nil {
		return nil, err
	}
	d := &device{identifier: "!" + session.NewRandom(16)}
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
	d.cookies = cookieName + "=" + session.SealToken(ring, token, "127.0.0.1", cookieName) + "; " + cookieName + "-browser=" + draft.BrowserID
	return d, nil
}

// programsOf are the programs of a case.
func (r *rig) programsOf(ctx context.Context, v variant, redis *server, n int) ([]person, error) {
	if v.own {
		return r.ownPrograms(ctx, redis, n, apitoken.Draft{Name: "bench", App: appName})
	}
	return r.programs(n)
}

// ownPrograms are programs with personal tokens of users, in a Redis.
func (r *rig) ownPrograms(ctx context.Context, redis *server, n int, d apitoken.Draft) (all []person, err error) {
	manager, store, done, err := openRedis(redis)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	tokens := apitoken.New(apitoken.Config{Vault: session.Vault{Store: store, Keys: manager.Keys()}, Sessions: manager, Now: time.Now})
	for i := range n {
		who, err := draftOf(r.issuer, i, none())
		if err != nil {
			return nil, err
		}
		_, text, err := tokens.Create(ctx, &who, d)
		if err != nil {
			return nil, fmt.Errorf("writing tokens: %w", err)
		}
		all = append(all, person{subject: who.Identity.Subject, token: text})
	}
	return all, nil
}

// programs are programs with access tokens of users (RFC 9068).
func (r *rig) programs(n int) ([]person, error) {
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", "bench-1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: r.provider.key}, options)
	if err != nil {
		return nil, err
	}
	all, now := make([]person, n), time.Now()
	for i := range all {
		all[i].subject = subject(i)
		if all[i].token, err = jwt.Signed(signer).Claims(map[string]any{
			"iss": r.issuer, "aud": tokenAudience, "sub": subject(i), "client_id": "program", "jti": session.NewRandom(16),
			"iat": now.Unix(), "exp": now.Add(4 * time.Hour).Unix(), "scope": "read write",
			"preferred_username": subject(i) + "@example.com", "name": "A Person", "email": subject(i) + "@example.com",
		}).Serialize(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
