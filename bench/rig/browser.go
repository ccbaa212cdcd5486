package rig

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxSteps bounds a sign-in: a redirect loop is an error, not a long run.
const maxSteps = 12

// A browser signs one person in: it follows redirects, keeps the site's cookies and answers the prompt with Yes.
type browser struct {
	client  *http.Client
	site    *url.URL
	cookies map[string]string
}

// SignedIn is the end of a sign-in.
type SignedIn struct {
	// Cookies is the Cookie header that the browser sends from now on.
	Cookies string
	// Requests went to the gateway, the first refused one and the app's page included.
	Requests int
}

// SignIn goes from the first request to the app's page.
func SignIn(ctx context.Context, client *http.Client, site string) (SignedIn, error) {
	start, err := url.Parse("http://" + site + "/")
	if err != nil {
		return SignedIn{}, err
	}
	b := browser{client: client, site: start, cookies: map[string]string{}}
	result := SignedIn{}
	next, form := start, url.Values(nil)
	for range maxSteps {
		resp, body, err := b.request(ctx, next, form)
		if err != nil {
			return SignedIn{}, err
		}
		if next.Host == start.Host {
			result.Requests++
		}
		switch location := onward(resp.Header); {
		case location != "":
			form = nil
			if next, err = next.Parse(location); err != nil {
				return SignedIn{}, err
			}
		case resp.StatusCode == http.StatusOK && body == Page:
			result.Cookies = b.header()
			return result, nil
		case resp.StatusCode == http.StatusOK && next.Host == start.Host:
			if next, form, err = answerYes(next, body); err != nil {
				return SignedIn{}, err
			}
		default:
			return SignedIn{}, &UnexpectedError{Status: resp.StatusCode, URL: next.Redacted(), Body: body}
		}
	}
	return SignedIn{}, fmt.Errorf("no end after %d steps, last %s", maxSteps, next.Redacted())
}

// onward is where an answer sends the browser: a redirect, or a page that moves on by itself after a form.
func onward(h http.Header) string {
	if location := h.Get("Location"); location != "" {
		return location
	}
	if _, target, ok := strings.Cut(h.Get("Refresh"), "url="); ok {
		return strings.Trim(target, `"'`)
	}
	return ""
}

// UnexpectedError is an answer that no sign-in should meet.
type UnexpectedError struct {
	Status    int
	URL, Body string
}

func (e *UnexpectedError) Error() string {
	return fmt.Sprintf("status %d from %s: %.300s", e.Status, e.URL, e.Body)
}

func (b *browser) request(ctx context.Context, to *url.URL, form url.Values) (*http.Response, string, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("User-Agent", UserAgent)
	req.Header.Set("Accept", Accept)
	req.Header.Set("Accept-Language", "en-US,en;q=0.9")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", "none")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "http://"+b.site.Host)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if to.Host == b.site.Host && len(b.cookies) > 0 {
		req.Header.Set("Cookie", b.header())
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, "", err
	}
	if to.Host == b.site.Host {
		b.keep(resp.Cookies())
	}
	return resp, string(text), nil
}

// keep does what a browser does with Set-Cookie, as far as the gateway needs it: one host, one path.
func (b *browser) keep(cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.MaxAge < 0 || c.Value == "" || (!c.Expires.IsZero() && c.Expires.Before(time.Now())) {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
}

func (b *browser) header() string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

var (
	formAction = regexp.MustCompile(`<form [^>]*action="([^"]+)"`)
	formToken  = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
)

// answerYes reads the prompt's form.
func answerYes(at *url.URL, body string) (*url.URL, url.Values, error) {
	action, token := formAction.FindStringSubmatch(body), formToken.FindStringSubmatch(body)
	if action == nil || token == nil {
		return nil, nil, fmt.Errorf("%s is neither the app's page nor the prompt: %.300s", at.Redacted(), body)
	}
	to, err := at.Parse(html.UnescapeString(action[1]))
	return to, url.Values{"csrf": {html.UnescapeString(token[1])}, "answer": {"yes"}}, err
}

// SignInAll makes so many sessions, some at the same time.
func SignInAll(ctx context.Context, site string, sessions, atOnce int) ([]SignedIn, error) {
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: atOnce, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       20 * time.Second,
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make([]SignedIn, sessions)
	work := make(chan int)
	var wait sync.WaitGroup
	for range atOnce {
		wait.Go(func() {
			for i := range work {
				one, err := SignIn(ctx, client, site)
				if err != nil {
					cancel(fmt.Errorf("signing in: %w", err))
					return
				}
				all[i] = one
			}
		})
	}
	for i := range all {
		select {
		case work <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	wait.Wait()
	return all, context.Cause(ctx)
}

// AwaitSignIn signs in once as soon as the gateway has found its provider, which it looks for in the background.
func AwaitSignIn(ctx context.Context, site string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		_, err := SignInAll(context.WithoutCancel(ctx), site, 1, 1)
		var unexpected *UnexpectedError
		if !errors.As(err, &unexpected) || unexpected.Status != http.StatusServiceUnavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-poll.C:
		}
	}
}
