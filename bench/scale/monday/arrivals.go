package monday

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// patience is how long a person waits for one answer.
const patience = 30 * time.Second

// arrivals are the people who have come to sign in.
type arrivals struct {
	// Took are the times of whole sign-ins, sorted.
	Took []time.Duration
	// Limited were refused with 429. Failed had another end than the page, First is one of these.
	Limited, Failed int
	First           string
	// Spread is the time between the first and the last who came, All the time until the last had an end.
	Spread, All time.Duration
}

// arrive lets so many people sign in, evenly, each in a new browser and with the prompt answered. Their browsers share one
// address. A person who is refused does not come again.
func arrive(ctx context.Context, site string, people int) (*arrivals, error) {
	a := &arrivals{}
	var mu sync.Mutex
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	defer client.CloseIdleConnections()
	began := time.Now()
	err := rig.Paced(ctx, pace, func(i int) bool { return i >= people }, func(ctx context.Context, i int) error {
		come := time.Now()
		_, err := rig.SignIn(ctx, client, site)
		mu.Lock()
		defer mu.Unlock()
		if i == people-1 {
			a.Spread = come.Sub(began)
		}
		var unexpected *rig.UnexpectedError
		switch {
		case err == nil:
			a.Took = append(a.Took, time.Since(come))
		case errors.As(err, &unexpected) && unexpected.Status == http.StatusTooManyRequests:
			a.Limited++
		default:
			a.Failed++
			a.First = err.Error()
		}
		return nil
	})
	a.All = time.Since(began)
	slices.Sort(a.Took)
	if err == nil && len(a.Took) == 0 {
		err = errors.New("no sign-in was done: " + a.First)
	}
	return a, err
}
