package monday

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/latchkey-gateway/latchkey/bench/crowd"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

const (
	// usersPace is how many requests those who are signed in send a second.
	usersPace = 200
	// controlPace is how many requests a second show what the rig adds.
	controlPace = 50
)

// Who sends requests: those who are signed in to the gateway, and the same requests to plain Caddy on the same core and to the app
// itself. These show how much of the figures is the core, and how much the rig.
const (
	users = iota
	besides
	direct
	measured
)

var names = [measured]string{"a request of those who are signed in", "the same to plain Caddy on the same core", "the same to the app itself"}

// crowds are all who send requests.
func crowds(site, plain, app string, people []rig.Person) (all [measured]*crowd.Crowd) {
	for i, address := range [measured]string{site, plain, app} {
		all[i] = &crowd.Crowd{Address: address, Pace: controlPace}
		for _, p := range people {
			all[i].Requests = append(all[i].Requests, rig.BrowserRequest(address, p.Cookies))
		}
	}
	all[users].Pace = usersPace
	return all
}

// ask has all of them send requests until ctx ends. An answer without the page is an error: a figure with it would look splendid.
func ask(ctx context.Context, all [measured]*crowd.Crowd) (got [measured]*crowd.Answers, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	var failed [measured]error
	for i, c := range all {
		wait.Go(func() {
			got[i], failed[i] = c.Send(ctx, func() {})
			if failed[i] == nil && got[i].Status[http.StatusOK] != len(got[i].Took) {
				failed[i] = fmt.Errorf("%s: answered %v", names[i], got[i].Status)
			}
			if failed[i] != nil {
				cancel(failed[i])
			}
		})
	}
	wait.Wait()
	for _, err := range failed {
		if err != nil {
			return got, err
		}
	}
	return got, nil
}
