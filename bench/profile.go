package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profileTime is how long a profile looks.
const profileTime = 5 * time.Second

// profile writes where each gateway spends its time, and what it allocates, on requests and on signing in, after all
// measurements: a gateway that is being profiled is slower. Nothing of it without -profile.
func (r *rig) profile(ctx context.Context, cases, signIns []*running) error {
	if r.options.profile == "" {
		return nil
	}
	if err := os.MkdirAll(r.options.profile, 0o750); err != nil {
		return err
	}
	for _, c := range cases {
		if err := r.profileDuring(ctx, c, "requests", func(ctx context.Context) error {
			_, err := c.client.during(ctx, connections[0], profileTime)
			return err
		}); err != nil {
			return err
		}
	}
	for _, c := range signIns {
		if err := r.profileDuring(ctx, c, "sign-in", func(ctx context.Context) error {
			for started := time.Now(); time.Since(started) < profileTime; {
				if _, err := signInAll(ctx, c.site, 10*c.atOnce, c.atOnce); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// profileRefreshes does the same with the refreshes of bound sessions, whose gateway serves nothing else.
func (r *rig) profileRefreshes(ctx context.Context, c *running, devices []*device) error {
	if r.options.profile == "" {
		return nil
	}
	if err := os.MkdirAll(r.options.profile, 0o750); err != nil {
		return err
	}
	return r.profileDuring(ctx, c, "all", func(ctx context.Context) error {
		for started := time.Now(); time.Since(started) < profileTime; {
			if err := refreshAll(ctx, devices, c.site, connections[0]); err != nil {
				return err
			}
		}
		return nil
	})
}

// profileDuring profiles a gateway while work goes on.
func (r *rig) profileDuring(ctx context.Context, c *running, what string, work func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	name := filepath.Join(r.options.profile, strings.NewReplacer(" ", "-", ",", "").Replace(c.name+" "+what))
	err := fetchProfile(ctx, c.admin, fmt.Sprintf("profile?seconds=%d", int(profileTime.Seconds())-1), name+".pprof")
	if workErr := <-done; workErr != nil {
		return fmt.Errorf("%s while it is profiled: %w", c.name, workErr)
	}
	if err == nil {
		err = fetchProfile(ctx, c.admin, "allocs", name+".allocs.pprof")
	}
	if err == nil {
		fmt.Fprintln(r.notes, "wrote", name+".pprof and, since it started, .allocs.pprof")
	}
	return err
}

func fetchProfile(ctx context.Context, admin, what, name string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/%s", admin, what), http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profiling: %s", resp.Status)
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
	}()
	_, err = io.Copy(file, resp.Body)
	return err
}
