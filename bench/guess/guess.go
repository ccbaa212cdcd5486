package guess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

const (
	// guessedOwed is by how much wrong tokens may slow the requests of users, for 99 of 100.
	guessedOwed = 1.2
	// usersPace is how many requests users send a second meanwhile.
	usersPace = 300
)

// Options are those of a run: Guesses wrong tokens a second, beside requests with so many sessions.
type Options struct {
	Guesses, Sessions, Rounds int
	// Slice is the length of a turn.
	Slice time.Duration
}

// Run has users send requests, with and without a flood of wrong tokens beside them. The tokens are well-formed and for
// another app, so each is looked up in the store.
func Run(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return err
	}
	people, _, err := r.RedisWith(ctx, redis, o.Sessions, rig.Renewable)
	if err != nil {
		return err
	}
	wrong, err := r.OwnPrograms(ctx, redis, o.Sessions, apitoken.Draft{Name: "guess", App: "another"})
	if err != nil {
		return err
	}
	c, err := r.Gateway(ctx, rig.Setup{Name: "guesses", InRedis: true, Recheck: "5s", Lines: "tokens on"}, redis, "")
	if err != nil {
		return err
	}
	users := func(i int, req *http.Request) { req.Header.Set("Cookie", people[i%len(people)].Cookies) }
	guessing := func(i int, req *http.Request) { req.SetBasicAuth("guess", wrong[i%len(wrong)].Token) }
	if _, err := pacedRequests(ctx, c.Site, usersPace, o.Slice, http.StatusOK, users); err != nil {
		return err
	}
	var alone, beside, ratios []float64
	for round := range o.Rounds {
		r.Note("round %d of %d", round+1, o.Rounds)
		quiet, err := pacedRequests(ctx, c.Site, usersPace, o.Slice, http.StatusOK, users)
		if err != nil {
			return err
		}
		var wait sync.WaitGroup
		var flood error
		wait.Go(func() { _, flood = pacedRequests(ctx, c.Site, o.Guesses, o.Slice, 0, guessing) })
		loud, err := pacedRequests(ctx, c.Site, usersPace, o.Slice, http.StatusOK, users)
		wait.Wait()
		if err := errors.Join(err, flood); err != nil {
			return err
		}
		alone, beside = append(alone, quiet), append(beside, loud)
		ratios = append(ratios, loud/quiet)
	}
	slices.Sort(ratios)
	p := &rig.Printer{W: out}
	p.Printf("%d wrong tokens a second, each looked up in Redis, beside %d requests a second of users.\n\n", o.Guesses, usersPace)
	p.Printf("- 99 of 100 requests of users take %.2f ms alone and %.2f ms beside them (medians of %d rounds).\n", middle(alone), middle(beside), o.Rounds)
	p.Printf("- That is %.2f times as long, from %.2f to %.2f; promised are %.1f.\n", middle(ratios), ratios[0], ratios[len(ratios)-1], guessedOwed)
	return p.Err
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// pacedRequests sends so many requests a second, evenly, for a time, and returns how long 99 of 100 took, in milliseconds. An
// answer with another status is an error; 0 stands for 401 or 429.
func pacedRequests(ctx context.Context, site string, pace int, lasting time.Duration, status int, prepare func(int, *http.Request)) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: rig.AtOnce, MaxConnsPerHost: rig.AtOnce, DisableCompression: true}, Timeout: rig.AnswerTimeout}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var took []float64
	send := func(i int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+site+"/", nil)
		if err != nil {
			return err
		}
		prepare(i, req)
		began := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusTooManyRequests
		if resp.StatusCode != status && (status != 0 || !refused) {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, rig.Milliseconds(time.Since(began)))
		return nil
	}
	if err := rig.Paced(ctx, float64(pace), rig.For(lasting), func(_ context.Context, i int) error { return send(i) }); err != nil {
		return 0, fmt.Errorf("sending requests: %w", err)
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}
