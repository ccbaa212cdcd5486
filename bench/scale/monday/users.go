package monday

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
)

// usersPace is how many requests those who are signed in send a second.
const usersPace = 200

// users are signed in.
type users struct {
	site   string
	people []rig.Person
	client *http.Client
	next   int
	// failed are their requests that were not answered with the page; first is one of them.
	failed int
	first  error
}

func newUsers(g *rig.Gateway, people []rig.Person) *users {
	return &users{site: g.Site, people: people, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: rig.AtOnce, DisableCompression: true}, Timeout: rig.AnswerTimeout,
	}}
}

// ask sends their requests in turn, evenly, until that is enough, and returns how long each took, sorted.
// Those that failed are among them: a figure without them would look splendid.
func (u *users) ask(ctx context.Context, enough func(i int) bool) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	first := u.next
	err := rig.Paced(ctx, usersPace, enough, func(ctx context.Context, i int) error {
		began := time.Now()
		err := u.request(ctx, u.people[(first+i)%len(u.people)])
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
		if err != nil {
			u.failed++
			u.first = err
		}
		return nil
	})
	u.next += len(took)
	slices.Sort(took)
	return took, err
}

func (u *users) request(ctx context.Context, p rig.Person) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+u.site+"/", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Cookie", p.Cookies)
	req.Header.Set("User-Agent", rig.UserAgent)
	req.Header.Set("Accept", rig.Accept)
	resp, err := u.client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || string(body) != rig.Page {
		return fmt.Errorf("a user who is signed in: %s: %.300s", resp.Status, body)
	}
	return nil
}
