package million

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/signout"
)

// page is how many sessions an administrator gets in one answer.
const page = 1000

// ask sends a request to the admin endpoint of a gateway, and reads the answer into answer.
func ask(ctx context.Context, g *rig.Gateway, method, path, contentType string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+g.Admin+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// listed reads so many pages of the list of all sessions.
func listed(ctx context.Context, g *rig.Gateway, pages int) (latencies, error) {
	var all []time.Duration
	cursor := ""
	for range pages {
		query := url.Values{"limit": {strconv.Itoa(page)}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var answer struct {
			Sessions []json.RawMessage `json:"sessions"`
			Cursor   string            `json:"cursor"`
		}
		began := time.Now()
		if err := ask(ctx, g, http.MethodGet, "/latchkey/sessions?"+query.Encode(), "", nil, &answer); err != nil {
			return latencies{}, err
		}
		all = append(all, time.Since(began))
		if len(answer.Sessions) == 0 {
			return latencies{}, fmt.Errorf("page %d of the list is empty", len(all))
		}
		if cursor = answer.Cursor; cursor == "" {
			break
		}
	}
	return latenciesOf(all), nil
}

// ended is what it takes to end many sessions with one request.
type ended struct {
	// took is how long the answer took; refused how long another gateway went on with one of the sessions, from the
	// request.
	took, refused time.Duration
	// redis is the CPU of the nodes until the answer.
	redis time.Duration
}

// end has one gateway end sessions, while a client asks another with the session of a user that is among them.
func end(ctx context.Context, c *rig.Cluster, here, there *rig.Gateway, p rig.Person, request func() error) (e ended, err error) {
	before, err := c.CPU()
	if err != nil {
		return e, err
	}
	var seen signout.Latency
	began := time.Now()
	err = seen.Add(ctx, there, p, func() (time.Time, error) {
		began = time.Now()
		err := request()
		e.took = time.Since(began)
		return time.Now(), err
	})
	if err != nil {
		return e, err
	}
	after, err := c.CPU()
	e.refused, e.redis = seen.Asked[0], after-before
	return e, err
}

// endUser ends all sessions of a user.
func endUser(ctx context.Context, c *rig.Cluster, here, there *rig.Gateway, p rig.Person, sessions int) (ended, error) {
	return end(ctx, c, here, there, p, func() error {
		var answer struct {
			Ended int `json:"ended"`
		}
		err := ask(ctx, here, http.MethodDelete, "/latchkey/users/"+url.PathEscape(here.Issuer)+"/"+p.Subject+"/sessions", "", nil, &answer)
		if err == nil && answer.Ended != sessions {
			err = fmt.Errorf("%d of %d sessions of a user were ended", answer.Ended, sessions)
		}
		return err
	})
}

// endAll ends all sessions that began before now.
func endAll(ctx context.Context, c *rig.Cluster, here, there *rig.Gateway, p rig.Person) (ended, error) {
	return end(ctx, c, here, there, p, func() error {
		return ask(ctx, here, http.MethodPost, "/latchkey/revoke-before", "application/json", []byte(`{"before":"0s"}`), nil)
	})
}

// changed is what a new key costs.
type changed struct {
	// reload is how long the configuration with the new key took to load; counted how long it took to count the sessions
	// that need the old one.
	reload, counted time.Duration
	// sessions is how many of them need it.
	sessions int
	// after are requests of sessions that the old key opens, one at a time.
	after latencies
}

// newerKey is put in front of the key of all sessions.
const newerKey = "another-key-of-thirty-two-bytes-or-more"

// changeKeys loads a configuration with a newer key.
func changeKeys(ctx context.Context, r *rig.Rig, g *started, people []rig.Person) (k changed, err error) {
	s := g.Setup
	s.NewerKeys = []string{newerKey}
	began := time.Now()
	if err := ask(ctx, g.Gateway, http.MethodPost, "/load", "text/caddyfile", []byte(s.Caddyfile(g.Addresses)), nil); err != nil {
		return k, err
	}
	k.reload = time.Since(began)
	if k.after, err = g.oneByOne(ctx, r, people); err != nil {
		return k, err
	}
	began = time.Now()
	for cursor := ""; ; {
		var counts struct {
			Sessions map[string]int `json:"sessions"`
			Cursor   string         `json:"cursor"`
		}
		path := "/latchkey/keys/sessions"
		if cursor != "" {
			path += "?" + url.Values{"cursor": {cursor}}.Encode()
		}
		if err := ask(ctx, g.Gateway, http.MethodGet, path, "", nil, &counts); err != nil {
			return k, err
		}
		most := 0
		for _, n := range counts.Sessions {
			most = max(most, n)
		}
		k.sessions += most
		if cursor = counts.Cursor; cursor == "" {
			k.counted = time.Since(began)
			return k, nil
		}
	}
}
