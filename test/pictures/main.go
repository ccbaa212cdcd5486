package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
)

func main() {
	to := flag.String("to", "docs/images", "the folder for the pictures")
	flag.Parse()
	if err := run(context.Background(), *to); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

// patience is how long the browser may take for one page.
const patience = time.Minute

func run(ctx context.Context, to string) error {
	browser, err := find("chromium", "chromium-browser", "google-chrome")
	if err != nil {
		return err
	}
	shrink, err := find("pngquant")
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "fc-match", "system-ui").Output(); err != nil || !strings.Contains(string(out), font) {
		return fmt.Errorf("the font of pages is %q here, and %s in the pictures; please install it: %w", strings.TrimSpace(string(out)), font, err)
	}
	url, stop, err := serve()
	if err != nil {
		return err
	}
	defer stop()
	for _, p := range pictures {
		if err := p.take(ctx, browser, shrink, url, to); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", names[0])
}

// serve shows each sample at /<name>, as the gateway does.
func serve() (url string, stop func(), err error) {
	p, err := pages.New(pages.Config{})
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	for _, s := range pagestest.Gallery() {
		mux.HandleFunc("GET /"+s.Name, func(w http.ResponseWriter, r *http.Request) {
			p.Write(w, pages.WithLocales(r, "en"), 0, s.Page)
		})
	}
	mux.Handle("/.latchkey/assets/", p.Assets())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() { _ = server.Close(); <-ended }, nil
}

// take has the browser make one picture and takes out the colours that one does not see.
func (p Picture) take(ctx context.Context, browser, shrink, url, to string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "latchkey-pictures-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	raw := filepath.Join(dir, "raw.png")
	args := []string{
		"--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--force-color-profile=srgb", "--font-render-hinting=none", "--user-data-dir=" + dir,
		fmt.Sprintf("--force-device-scale-factor=%d", scale), fmt.Sprintf("--window-size=%d,%d", p.Width, p.Height), "--screenshot=" + raw,
	}
	if out, err := exec.CommandContext(ctx, browser, append(args, url+"/"+p.Sample)...).CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	out, err := exec.CommandContext(ctx, shrink, "--quality=80-98", "--speed=1", "--strip", "--force", "--output", filepath.Join(to, p.Name+".png"), raw).CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}
