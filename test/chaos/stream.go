package chaos

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

// streamQuiet is how long a stream may say nothing before it counts as broken: longer than anything is stopped.
const streamQuiet = 25 * time.Second

// unchecked is for the certificates of the gateways' own authority.
var unchecked = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a test against our own loopback server

// stream is something that stays open. each is called with what comes, and ends it by an error.
type stream func(ctx context.Context, g *guest, n *node, cookie string, each func() error) (opened bool, err error)

// streams keeps something open for a session as long as it lives; what, depends on the person.
func (p *person) streams(g *guest, b *browser, rng *rand.Rand) {
	kinds := []stream{events, socket, download, nil}
	names := []string{"events", "websocket", "download", ""}
	kind := int(p.name[len(p.name)-1]) % len(kinds)
	if kinds[kind] == nil {
		return
	}
	report := p.w.report
	for !p.w.over() && !g.over() {
		n := p.w.nodes[rng.IntN(2)]
		breaks := n.breaks.Load()
		ctx, cancel := context.WithCancel(context.Background())
		release := context.AfterFunc(ctx, func() {})
		quiet := time.AfterFunc(streamQuiet, cancel)
		go func() {
			select {
			case <-p.w.done:
				cancel()
			case <-ctx.Done():
			}
		}()
		opened, err := kinds[kind](ctx, g, n, b.header(), func() error {
			quiet.Reset(streamQuiet)
			if now := time.Now(); g.undead(now.Add(-time.Second)) {
				report.note(&report.Undead, "%s of %s on replica %d is open %v after its end, during %q", names[kind], g.id, n.index,
					now.Sub(g.revoked).Round(time.Millisecond), p.w.current())
				return io.EOF
			}
			return nil
		})
		quiet.Stop()
		release()
		cancel()
		switch {
		case p.w.over():
		case opened:
			report.count(&report.Streams)
			switch {
			case g.over():
				report.count(&report.StreamsEnded)
			case err == nil:
				report.count(&report.Downloads)
			case n.breaks.Load() == breaks:
				report.note(&report.Cut, "%s of %s on replica %d, during %q: %v", names[kind], g.id, n.index, p.w.current(), err)
			}
		default:
			p.w.pause(300 * time.Millisecond)
		}
	}
}

func get(ctx context.Context, g *guest, n *node, path, accept, cookie string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url(path), nil)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{badge: {g.id}, "Accept": {accept}, "Cookie": {cookie}, "Sec-Fetch-Mode": {"cors"}}
	resp, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: unchecked}).RoundTrip(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return resp, err
}

// events is a stream of server-sent events.
func events(ctx context.Context, g *guest, n *node, cookie string, each func() error) (bool, error) {
	resp, err := get(ctx, g, n, "/events", "text/event-stream", cookie)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	lines := bufio.NewReader(resp.Body)
	for {
		if _, err := lines.ReadString('\n'); err != nil {
			return true, err
		}
		if err := each(); err != nil {
			return true, err
		}
	}
}

// download is an answer that takes its time, and says when it is whole.
func download(ctx context.Context, g *guest, n *node, cookie string, each func() error) (bool, error) {
	resp, err := get(ctx, g, n, "/download", "*/*", cookie)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	lines, last := bufio.NewReader(resp.Body), ""
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF && last == "end\n" {
			return true, nil
		}
		if err != nil {
			return true, fmt.Errorf("broken off: %w", err)
		}
		last = line
		if err := each(); err != nil {
			return true, err
		}
	}
}

// socket is a WebSocket that hears its own echo.
func socket(ctx context.Context, g *guest, n *node, cookie string, each func() error) (bool, error) {
	config, err := websocket.NewConfig(strings.Replace(n.url("/ws"), "http", "ws", 1), n.url("/"))
	if err != nil {
		return false, err
	}
	config.Header = http.Header{badge: {g.id}, "Cookie": {cookie}}
	config.TlsConfig = unchecked
	ws, err := config.DialContext(ctx)
	if err != nil {
		return false, err
	}
	defer ws.Close()                                          //nolint:errcheck // it may have ended already
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })() // and ends with ctx
	every := time.NewTicker(tick)
	defer every.Stop()
	buf := make([]byte, 8)
	for {
		if _, err := ws.Write([]byte("x")); err != nil {
			return true, err
		}
		if _, err := ws.Read(buf); err != nil {
			return true, err
		}
		if err := each(); err != nil {
			return true, err
		}
		<-every.C
	}
}
