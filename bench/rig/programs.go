package rig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// TokenAudience is for whom the access tokens of programs are.
const TokenAudience = "https://api.example.com"

// OwnPrograms are programs with personal tokens of users, in a Redis.
func (r *Rig) OwnPrograms(ctx context.Context, redis *Redis, n int, d apitoken.Draft) (all []Person, err error) {
	manager, store, done, err := redis.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	tokens := apitoken.New(apitoken.Config{Vault: session.Vault{Store: store, Keys: manager.Keys()}, Sessions: manager, Now: time.Now})
	for i := range n {
		who, err := DraftOf(r.Issuer, i, None())
		if err != nil {
			return nil, err
		}
		_, text, err := tokens.Create(ctx, &who, d)
		if err != nil {
			return nil, fmt.Errorf("writing tokens: %w", err)
		}
		all = append(all, Person{Subject: who.Identity.Subject, Token: text})
	}
	return all, nil
}

// Programs are programs with access tokens of users (RFC 9068).
func (r *Rig) Programs(n int) ([]Person, error) {
	all, now := make([]Person, n), time.Now()
	for i := range all {
		all[i].Subject = Subject(i)
		token, err := r.Provider.Sign("at+jwt", map[string]any{
			"iss": r.Issuer, "aud": TokenAudience, "sub": Subject(i), "client_id": "program", "jti": session.NewRandom(16),
			"iat": now.Unix(), "exp": now.Add(4 * time.Hour).Unix(), "scope": "read write",
			"preferred_username": Subject(i) + "@example.com", "name": "A Person", "email": Subject(i) + "@example.com",
		})
		if err != nil {
			return nil, err
		}
		all[i].Token = token
	}
	return all, nil
}
