package rig

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// A Person has a session.
type Person struct {
	Subject string
	// Cookies is the Cookie header that their browser sends.
	Cookies string
	// Token is the access token of a program, which sends no cookies.
	Token string
}

// Filling says which sessions a store gets.
type Filling struct {
	Issuer string
	// Sessions is how many, and Users how many have them in turn; 0 is one session each. User is the number of the first.
	Sessions, Users, User int
	// AtOnce is how many are written at the same time.
	AtOnce int
	Tokens Tokens
}

// Fill writes sessions straight into a store: what the gateway would have written if they had signed in, in seconds
// instead of minutes.
func Fill(ctx context.Context, store session.Store, f Filling) ([]Person, error) {
	n, atOnce, users := f.Sessions, f.AtOnce, cmp.Or(f.Users, f.Sessions)
	ring, err := keyring.New([]byte(SecretKey))
	if err != nil {
		return nil, err
	}
	manager := session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Cache: session.NewCache(session.CacheConfig{Entries: 64})})
	defer manager.Close()
	all := make([]Person, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for first := range min(atOnce, n) {
		wait.Go(func() {
			for i := first; i < n && ctx.Err() == nil; i += atOnce {
				draft, token, err := create(ctx, manager, f.Issuer, f.User+i%users, f.Tokens)
				if err != nil {
					cancel(fmt.Errorf("writing sessions: %w", err))
					return
				}
				all[i] = Person{
					Subject: draft.Identity.Subject,
					Cookies: cookiesOf(ring, token, draft.BrowserID),
				}
			}
		})
	}
	wait.Wait()
	return all, context.Cause(ctx)
}

// cookiesOf are the cookies that the browser of a session sends.
func cookiesOf(ring *keyring.Ring, token session.Token, browserID string) string {
	const host = "127.0.0.1"
	id := ring.Seal(keyring.PurposeBrowser, []byte(browserID), host, BrowserCookie)
	return CookieName + "=" + session.SealToken(ring, token, host, CookieName) + "; " +
		BrowserCookie + "=" + base64.RawURLEncoding.EncodeToString(id)
}

// create writes one session. A machine that is busy elsewhere lets the store time out now and then.
func create(ctx context.Context, manager *session.Manager, issuer string, user int, tokens Tokens) (session.Record, session.Token, error) {
	const tries = 10
	for try := 1; ; try++ {
		kept := tokens()
		draft, err := DraftOf(issuer, user, kept)
		if err != nil {
			return draft, session.Token{}, err
		}
		_, token, err := manager.Create(ctx, draft, kept)
		if err == nil || try == tries || !errors.Is(err, session.ErrUnavailable) {
			return draft, token, err
		}
	}
}

// DraftOf is the session that a sign-in which keeps these tokens creates: claims about the ID token itself are kept
// with its signature.
func DraftOf(issuer string, user int, kept session.Tokens) (session.Record, error) {
	now := time.Now()
	payload := IDClaims(issuer, user, now, session.NewRandom(16), session.NewRandom(16))
	if len(kept.IDSignature) == 0 {
		maps.DeleteFunc(payload, func(claim string, _ any) bool { return oidc.AboutToken(claim) })
	}
	claims, err := json.Marshal(payload)
	who := Subject(user)
	return session.Record{
		Provider: ProviderName, Identity: session.Identity{Issuer: issuer, Subject: who}, ProviderSession: payload["sid"].(string),
		User: who + "@example.com", Name: "A Person", Email: who + "@example.com", EmailVerified: true,
		Claims: claims, Groups: GroupsOf(user), GroupsComplete: true, GroupsAsOf: now, Kind: session.Persistent, KindReason: "answered",
		AuthTime: now, ACR: "1", AMR: []string{"pwd"}, BrowserID: session.NewRandom(16),
		FirstIP: "127.0.0.1", FirstAgent: UserAgent, Apps: []string{AppName},
	}, err
}

// FileWith makes a session file with so many people in it.
func (r *Rig) FileWith(ctx context.Context, n int) (path string, all []Person, err error) {
	path = filepath.Join(r.Dir, "sessions.db")
	store, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		return "", nil, err
	}
	all, err = Fill(ctx, store, Filling{Issuer: r.Issuer, Sessions: n, AtOnce: 256, Tokens: Renewable}) // who share the syncs of a file
	if closing := store.Close(); err == nil {
		err = closing
	}
	return path, all, err
}

// RedisWith puts so many people into a Redis and returns what each takes of its memory, lists included.
func (r *Rig) RedisWith(ctx context.Context, redis *Redis, n int, tokens Tokens) (all []Person, bytes float64, err error) {
	before, err := redis.Kept(ctx)
	if err != nil {
		return nil, 0, err
	}
	store, err := redisstore.Open(redisstore.Config{URL: redis.URL()})
	if err != nil {
		return nil, 0, err
	}
	all, err = Fill(ctx, store, Filling{Issuer: r.Issuer, Sessions: n, AtOnce: 16, Tokens: tokens})
	if closing := store.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, 0, err
	}
	after, err := redis.Kept(ctx)
	return all, float64(after.All-before.All) / float64(n), err
}

// Tokens are what a session keeps of those that its provider gave. This run's provider has no end_session_endpoint, so that
// nothing is kept for it but a refresh token.
type Tokens func() session.Tokens

// Renewable keeps an 800-byte refresh token.
func Renewable() session.Tokens { return session.Tokens{Refresh: refreshToken()} }

// None keeps nothing.
func None() session.Tokens { return session.Tokens{} }

// Hint is what an id_token_hint takes of a token that is signed with ES256.
func Hint() session.Tokens {
	return session.Tokens{
		IDHeader:    []byte(`{"alg":"ES256","typ":"JWT","kid":"` + session.NewRandom(8) + `"}`),
		IDSignature: []byte(session.NewRandom(48)),
	}
}

func refreshToken() string { return strings.Repeat(session.NewRandom(20), 30)[:800] }
