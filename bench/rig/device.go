package rig

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// A Device is a browser with a bound session, and the key of that session.
type Device struct {
	key        *ecdsa.PrivateKey
	signer     jose.Signer
	identifier string
	cookies    string // all but the short one
	short      string // the short cookie
	challenge  string // the latest; empty if there is none
	refreshing sync.Mutex
}

// Header is the Cookie header that the browser sends.
func (d *Device) Header() string { return d.cookies + "; " + CookieName + "-bound=" + d.short }

var challengeOf = regexp.MustCompile(`^"([^"]+)";`)

// Refresh gets a new short cookie, as a browser does: with a proof if it has a challenge, and again with one if it is
// refused for that. Like a browser it refreshes once at a time.
func (d *Device) Refresh(ctx context.Context, client *http.Client, site string) error {
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	for range 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+site+"/.latchkey/bound/refresh", http.NoBody)
		if err != nil {
			return err
		}
		req.Header.Set("Cookie", d.cookies)
		req.Header.Set("Origin", "http://"+site)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Sec-Secure-Session-Id", d.identifier)
		if d.challenge != "" {
			signed, err := d.signer.Sign([]byte(`{"jti":"` + d.challenge + `"}`))
			if err != nil {
				return err
			}
			proof, err := signed.CompactSerialize()
			if err != nil {
				return err
			}
			req.Header.Set("Secure-Session-Response", proof)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		_ = resp.Body.Close()
		if err != nil {
			return err
		}
		if next := challengeOf.FindStringSubmatch(resp.Header.Get("Secure-Session-Challenge")); next != nil {
			d.challenge = next[1]
		}
		for _, c := range resp.Cookies() {
			if c.Name == CookieName+"-bound" {
				d.short = c.Value
			}
		}
		switch {
		case resp.StatusCode == http.StatusOK && d.short != "" && !strings.Contains(string(body), `"continue":false`):
			return nil
		case resp.StatusCode != http.StatusForbidden:
			return &UnexpectedError{Status: resp.StatusCode, URL: req.URL.Path, Body: string(body)}
		}
	}
	return errors.New("a refresh with a proof is refused")
}

// RefreshAll lets each device get a new short cookie, so many at a time.
func RefreshAll(ctx context.Context, devices []*Device, site string, atOnce int) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, DisableCompression: true}, Timeout: AnswerTimeout}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for first := range min(atOnce, len(devices)) {
		wait.Go(func() {
			for i := first; i < len(devices) && ctx.Err() == nil; i += atOnce {
				if err := devices[i].Refresh(ctx, client, site); err != nil {
					cancel(fmt.Errorf("refreshing: %w", err))
				}
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}
