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
	mu sync.Mutex
	// took are the times of whole sign-ins.
	took []time.Duration
	// limited were refused with 429. failed had another end than the page, first is one of these.
	limited, failed int
	first           error
	// spread is the time between the first and the last who came, all the time until the last had an end.
	spread, all time.Duration
}

// arrive lets so many people sign in, evenly, each in a new browser and with the prompt answered. Their browsers share one
// address. A person who is refused does not come again.
func arrive(ctx context.Context, site string, people int) (*arrivals, error) {
	a := &arrivals{}
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
		a.mu.Lock()
		defer a.mu.Unlock()
		if i == people-1 {
			a.spread = come.Sub(began)
		}
		var unexpected *rig.UnexpectedError
		switch {
		case err == nil:
			a.took = append(a.took, time.Since(come))
		case errors.As(err, &unexpected) && unexpected.Status == http.StatusTooManyRequests:
			a.limited++
		default:
			a.failed++
			a.first = err
		}
		return nil
	})
	a.all = time.Since(began)
	slices.Sort(a.took)
	if err == nil && len(a.took) == 0 {
		err = errors.Join(errors.New("no sign-in was done"), a.first)
	}
	return a, err
}
