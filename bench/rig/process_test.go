package rig

import (
	"strings"
	"testing"
	"time"
)

func TestCPUClockMoves(t *testing.T) {
	p, err := Start(t.Context(), -1, listening(t), nil, "sh", "-c", "while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop() }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		cpu, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		if cpu > 50*time.Millisecond {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a busy loop used %s", cpu)
		}
	}
}

func TestStartReportsWhatTheProgramSaid(t *testing.T) {
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), -1, address, nil, "sh", "-c", "echo no such word >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "no such word") {
		t.Errorf("error %v does not carry the program's words", err)
	}
}

func listening(t *testing.T) string {
	t.Helper()
	address, server, err := Serve(App())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return address
}

func TestRSSIsThatOfTheProcess(t *testing.T) {
	p, err := Start(t.Context(), -1, listening(t), nil, "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop() }()
	// Start returns as soon as the address answers, which is at once here: the process may not have loaded its program yet.
	var rss int64
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for end := time.Now().Add(10 * time.Second); rss < 100<<10 && time.Now().Before(end); <-poll.C {
		if rss, err = p.RSS(); err != nil {
			t.Fatal(err)
		}
	}
	if rss < 100<<10 || rss > 50<<20 {
		t.Errorf("sleep takes %d bytes", rss)
	}
}
