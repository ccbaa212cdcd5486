package monday

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Outside is the variable that makes the program all who have no part in the requests of those who are signed in, and nothing else:
// the provider, and the browsers of the people who sign in. They have machines of their own. Here they share a core with what
// measures, so they have a process of their own that gives way: a user's request must not seem to take longer because the browser
// that measures it waits for other people's browsers. The app does not give way, as users wait for it. What they do to the
// gateway stays the same.
const Outside = "LATCHKEY_BENCH_MONDAY"

// ServeOutside does that at an address, until it is ended.
func ServeOutside(address string) error {
	if err := rig.GiveWay(); err != nil {
		return err
	}
	p, err := rig.NewProvider()
	if err != nil {
		return err
	}
	p.Issuer = "http://" + address
	mux := http.NewServeMux()
	mux.Handle("/", p.Handler())
	mux.HandleFunc("POST /arrive", func(w http.ResponseWriter, r *http.Request) {
		people, err := strconv.Atoi(r.FormValue("people"))
		var a *arrivals
		if err == nil {
			a, err = arrive(r.Context(), r.FormValue("site"), people)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(a)
	})
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	return http.Serve(listener, mux) //nolint:gosec // of a benchmark
}

// startOutside starts this program as that. From then on its provider is the one of the run.
func startOutside(ctx context.Context, r *rig.Rig) error {
	address, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := rig.Start(ctx, -1, address, []string{Outside + "=" + address}, self)
	if err != nil {
		return err
	}
	r.OnClose(p.Stop)
	r.Issuer = "http://" + address
	return nil
}

// letArrive has people arrive at a site, and waits for the last.
func letArrive(ctx context.Context, r *rig.Rig, site string, people int) (a *arrivals, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Issuer+"/arrive?site="+site+"&people="+strconv.Itoa(people), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<12))
		return nil, errors.Join(fmt.Errorf("people who sign in: %s: %s", resp.Status, text), err)
	}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}
