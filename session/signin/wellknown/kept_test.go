package wellknown

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type document struct {
	Issuer  string `json:"issuer"`
	JWKSURI string `json:"jwks_uri"`
}

// A document is used for an hour. One that cannot be fetched again is used on, and the server is asked once a minute.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept Kept[document]
		var failure error
		fetches := 0
		step := func(what string, wait time.Duration, want int, wantErr error) {
			t.Helper()
			<-time.After(wait)
			_, err := kept.Current(t.Context(), time.Now, func(context.Context) (*document, error) {
				fetches++
				if failure != nil {
					return nil, failure
				}
				return new(document), nil
			})
			if !errors.Is(err, wantErr) || fetches != want {
				t.Errorf("%s: %v after %d fetches, want %v after %d", what, err, fetches, wantErr, want)
			}
		}
		away := errors.New("away")
		failure = away
		step("never fetched", 0, 1, away)
		step("asked again at once", Pause-1, 1, away)
		step("asked again later", 1, 2, away)
		failure = nil
		step("it is there", Pause, 3, nil)
		step("young", TTL-1, 3, nil)
		failure = away
		step("old, and the server is away", 1, 4, nil)
		step("still away", LongPause-1, 4, nil)
		step("away for a minute", 1, 5, nil)
		failure = nil
		step("it is there again", LongPause, 6, nil)
	})
}

// A server that does not answer delays one caller. All others have the old document at once.
func TestKeptWhileAServerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept Kept[document]
		old := new(document)
		if _, err := kept.Current(t.Context(), time.Now, func(context.Context) (*document, error) { return old, nil }); err != nil {
			t.Fatal(err)
		}
		<-time.After(TTL)
		began := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				got, err := kept.Current(t.Context(), time.Now, func(context.Context) (*document, error) {
					<-time.After(10 * time.Second)
					return nil, errors.New("no answer")
				})
				if got != old || err != nil {
					t.Errorf("%p, %v", got, err)
				}
			})
			synctest.Wait()
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("others wait %v", d)
		}
		all.Wait()
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("the fetches take %v, want those of one", d)
		}
	})
}

// Callers that come together while nothing is known share one fetch. One that goes away says nothing about the server, and
// one that waits can go away.
func TestKeptFirstFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept Kept[document]
		gone, cancel := context.WithCancel(t.Context())
		fetches := 0
		fetch := func(ctx context.Context) (*document, error) {
			fetches++
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second):
				return new(document), nil
			}
		}
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := kept.Current(gone, time.Now, fetch); !errors.Is(err, context.Canceled) {
				t.Errorf("gone: %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			all.Go(func() {
				if got, err := kept.Current(t.Context(), time.Now, fetch); got == nil || err != nil {
					t.Errorf("%p, %v", got, err)
				}
			})
		}
		impatient, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if _, err := kept.Current(impatient, time.Now, fetch); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient: %v", err)
		}
		cancel()
		all.Wait()
		if fetches != 2 {
			t.Errorf("%d fetches, want one for the caller that went away and one for all others", fetches)
		}
	})
}

// A caller that goes away while it fetches an old document again does not keep the others from a new one: a client that
// does so again and again would have the old one used for ever.
func TestKeptCallerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept Kept[document]
		old, young := new(document), new(document)
		young.Issuer = "young"
		if _, err := kept.Current(t.Context(), time.Now, func(context.Context) (*document, error) { return old, nil }); err != nil {
			t.Fatal(err)
		}
		<-time.After(TTL)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := kept.Current(gone, time.Now, func(ctx context.Context) (*document, error) { return nil, ctx.Err() }); got != old || err != nil {
			t.Errorf("gone: %p, %v", got, err)
		}
		if got, err := kept.Current(t.Context(), time.Now, func(context.Context) (*document, error) { return young, nil }); got != young || err != nil {
			t.Errorf("after that: %v, %v", got, err)
		}
	})
}

func TestFetch(t *testing.T) {
	body, status := "", http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "ORIGIN", "http://"+r.Host)))
	}))
	t.Cleanup(server.Close)
	fetch := func() (*document, error) {
		return Fetch(t.Context(), server.Client(), server.URL, func(d *document) error { return CheckParty(server.URL, d.Issuer, d.JWKSURI) })
	}
	for _, row := range []struct {
		what, body string
		status     int
		want       string
	}{
		{"good", `{"issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}`, 200, ""},
		{"not JSON", `<html>`, 200, "no JSON object"},
		{"another type", `{"issuer":1}`, 200, "no JSON object"},
		{"nothing there", `{"issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}`, 404, ErrNone.Error()},
		{"no answer", `{"issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}`, 503, "status 503"},
		{"another issuer", `{"issuer":"ORIGIN/","jwks_uri":"ORIGIN/keys"}`, 200, "in the metadata"},
		{"no keys", `{"issuer":"ORIGIN"}`, 200, "jwks_uri"},
		{"keys in a file", `{"issuer":"ORIGIN","jwks_uri":"file:///keys"}`, 200, "jwks_uri"},
	} {
		body, status = row.body, row.status
		_, err := fetch()
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.what, err, row.want)
		}
		if errors.Is(err, ErrNone) != (row.status == 404) {
			t.Errorf("%s: ErrNone in %v", row.what, err)
		}
	}
}
