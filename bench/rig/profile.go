package rig

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

// ProfileTime is how long a profile looks.
const ProfileTime = 5 * time.Second

// Profile writes where a gateway spends its time while work goes on, and what it allocates: after all measurements, as a
// gateway that is being profiled is slower. work is repeated for as long as that takes. Nothing of it without Options.Profile.
func (r *Rig) Profile(ctx context.Context, g *Gateway, what string, work func(context.Context) error) error {
	if r.Options.Profile == "" {
		return nil
	}
	if err := os.MkdirAll(r.Options.Profile, 0o750); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		var err error
		for started := time.Now(); err == nil && time.Since(started) < ProfileTime; {
			err = work(ctx)
		}
		done <- err
	}()
	name := filepath.Join(r.Options.Profile, strings.NewReplacer(" ", "-", ",", "").Replace(g.Name+" "+what))
	err := fetchProfile(ctx, g.Admin, fmt.Sprintf("profile?seconds=%d", int(ProfileTime.Seconds())-1), name+".pprof")
	if workErr := <-done; workErr != nil {
		return fmt.Errorf("%s while it is profiled: %w", g.Name, workErr)
	}
	if err == nil {
		err = fetchProfile(ctx, g.Admin, "allocs", name+".allocs.pprof")
	}
	if err == nil {
		r.Note("wrote %s.pprof and, since it started, .allocs.pprof", name)
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
