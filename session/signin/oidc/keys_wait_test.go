package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// published is the key set of a provider, without a network, so that it can live in a bubble of synctest.
type published struct {
	*oidctest.IDP
	fetches int
}

func (p *published) RoundTrip(*http.Request) (*http.Response, error) {
	p.fetches++
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: p.KeyID}}})
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(body)))}, err
}

// TestProviderSignsWithANewKey: a provider that signs with a key that it has only just published spoils no sign-in and no
// refresh, whose code or token is spent: the keys are waited for that may be asked for again. Nobody else's token has
// anybody wait, and nobody's causes a fetch more (A46).
func TestProviderSignsWithANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{IDP: oidctest.NewStranger(t, "k1")}
		keys := &jwks.Set{URL: func(context.Context) (string, error) { return "https://login.example.com/keys", nil }, Client: &http.Client{Transport: p}, Now: time.Now}
		patient := jwks.Patient{Set: keys}
		sub := map[string]any{"sub": "a"}
		unknown := oidctest.NewStranger(t, "unknown").Sign(sub)
		verify := func(what string, by interface {
			VerifySignature(context.Context, string) ([]byte, error)
		}, token string, wanted error, waits time.Duration, fetches int,
		) {
			t.Helper()
			began := time.Now()
			_, err := by.VerifySignature(t.Context(), token)
			if took := time.Since(began); !errors.Is(err, wanted) || wanted == nil && err != nil || took != waits || p.fetches != fetches {
				t.Errorf("%s: %v after %v and %d fetches, want %v, %v and %d", what, err, took, p.fetches, wanted, waits, fetches)
			}
		}
		verify("a stranger's token, and keys of now", patient, unknown, jwks.ErrNoKey, 0, 1)
		<-time.After(2 * time.Second)
		p.Key, p.KeyID = oidctest.NewKey(t), "k2"
		verify("anybody's", keys, p.Sign(sub), jwks.ErrNoKey, 0, 1)
		main := New(Config{Name: "main", Issuer: "https://login.example.com", ClientID: oidctest.Client})
		began, now := time.Now(), time.Now().Unix()
		handed := p.Sign(map[string]any{"iss": main.Issuer, "aud": oidctest.Client, "sub": "s-1", "iat": now, "exp": now + 600})
		_, err := main.verifyIDToken(t.Context(), &Metadata{keys: keys, SigningAlgorithms: []string{"ES256"}}, handed, nil, "")
		if took := time.Since(began); err != nil || took != 8*time.Second || p.fetches != 2 {
			t.Errorf("what the provider has handed out: %v after %v and %d fetches", err, took, p.fetches)
		}
		verify("the next", patient, p.Sign(sub), nil, 0, 2)
		<-time.After(time.Second)
		verify("what it never publishes", patient, unknown, jwks.ErrNoKey, 9*time.Second, 3)
		<-time.After(time.Second)
		verify("which nobody waits for again", patient, unknown, jwks.ErrNoKey, 0, 3)
		<-time.After(jwks.DefaultForcedEvery)
		verify("when it may be asked", patient, unknown, jwks.ErrNoKey, 0, 4)
		<-time.After(jwks.TTL)
		verify("the keys have grown old", patient, p.Sign(sub), nil, 0, 5)
		<-time.After(time.Second)
		verify("after a long while", patient, unknown, jwks.ErrNoKey, 9*time.Second, 6)
	})
}

// silent takes every request and answers none.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A key set that hangs while it is fetched again costs one caller its time-out, and no other anything.
func TestKeySetThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := &published{IDP: oidctest.NewStranger(t, "k1")}
		client := &http.Client{Transport: idp, Timeout: idpTimeout}
		keys := &jwks.Set{URL: func(context.Context) (string, error) { return "https://login.example.com/keys", nil }, Client: client, Now: time.Now}
		token := idp.Sign(map[string]any{"sub": "a"})
		verify := func(want time.Duration) {
			t.Helper()
			began := time.Now()
			if _, err := keys.VerifySignature(t.Context(), token); err != nil || time.Since(began) != want {
				t.Errorf("%v after %v, want %v", err, time.Since(began), want)
			}
		}
		verify(0)
		<-time.After(jwks.TTL)
		client.Transport = silent{}
		var all sync.WaitGroup
		all.Go(func() { verify(idpTimeout) })
		synctest.Wait()
		verify(0)
		all.Wait()
		verify(0)
	})
}
