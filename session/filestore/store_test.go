package filestore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// childEnv makes the test binary a gateway of its own on the file named in it, see TestKilled and TestSecondProcess.
const childEnv = "LATCHKEY_FILESTORE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		writeForever(path)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, path string, now func() time.Time) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(filestore.Config{Path: path, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func path(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "sessions.db") }

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		clock := storetest.NewClock()
		return storetest.Subject{Store: open(t, path(t), clock.Now), Now: clock.Now, Advance: clock.Advance}
	})
}

// No user is signed out by a restart.
func TestSurvivesRestart(t *testing.T) {
	clock, file := storetest.NewClock(), path(t)
	end := clock.Now().Add(time.Hour)
	s := open(t, file, clock.Now)
	if err := s.Create(t.Context(), session.Entry{Key: "s:a", Value: []byte("kept"), Expires: end}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Replace(t.Context(), session.Entry{Key: "s:a", Value: []byte("kept too"), Version: 1, Expires: end}); err != nil {
		t.Fatal(err)
	}
	if err := s.Enlist(t.Context(), "u:a", "s:a", end); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, file, clock.Now)
	e, err := s.Get(t.Context(), "s:a")
	if err != nil || string(e.Value) != "kept too" || e.Version != 2 || !e.Expires.Equal(end.Truncate(time.Millisecond)) {
		t.Fatalf("after a restart: %+v, %v", e, err)
	}
	if members, err := s.Members(t.Context(), "u:a", time.Time{}, 10); err != nil || len(members) != 1 {
		t.Fatalf("after a restart: %v, %v", members, err)
	}
	clock.Advance(time.Hour)
	if _, err := s.Get(t.Context(), "s:a"); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("an end that passed while the gateway was down does not count: %v", err)
	}
}

// The file contains sessions: only the gateway's user may read it.
func TestPermissions(t *testing.T) {
	file := path(t)
	open(t, file, nil)
	for name, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Fatalf("%s: mode %v, %v, want %v", name, info.Mode(), err, want)
		}
	}

	loose := filepath.Join(t.TempDir(), "loose.db")
	if err := os.WriteFile(loose, nil, 0o644); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	open(t, loose, nil)
	if info, err := os.Stat(loose); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("a file that others can read stays so: %v, %v", info.Mode(), err)
	}
}

func TestLockedInProcess(t *testing.T) {
	file := path(t)
	s := open(t, file, nil)
	locked(t, file)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatalf("the first store suffers: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, file, nil)
}

func locked(t *testing.T, file string) {
	t.Helper()
	start := time.Now()
	_, err := filestore.Open(filestore.Config{Path: file})
	if took := time.Since(start); took > 2*time.Second {
		t.Fatalf("took %v to say that the file is in use", took)
	}
	if !errors.Is(err, filestore.ErrLocked) || !strings.Contains(err.Error(), file) {
		t.Fatalf("got %v, want one clear error that names %s", err, file)
	}
}

// A successor that starts while its predecessor is just closing gets the file.
func TestPredecessorCloses(t *testing.T) {
	file := path(t)
	s := open(t, file, nil)
	time.AfterFunc(100*time.Millisecond, func() { _ = s.Close() })
	open(t, file, nil)
}

// writeForever is the child: four writers that say what was acknowledged.
func writeForever(path string) {
	s, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	round := os.Getpid()
	out := make(chan string)
	for w := range 4 {
		go func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("s:%d-%d-%d", round, w, n)
				e := session.Entry{Key: session.Key(key), Value: []byte("value of " + key), Expires: time.Now().Add(time.Hour)}
				err := s.Create(ctx, e)
				if err == nil && n%2 == 0 {
					e.Version, e.Value = 1, []byte("second "+key)
					_, err = s.Replace(ctx, e)
				}
				if err == nil {
					err = s.Enlist(ctx, "u:all", e.Key, e.Expires)
				}
				if err != nil {
					key = "error: " + err.Error()
				}
				out <- key
			}
		}()
	}
	for line := range out {
		fmt.Println(line)
	}
}

func child(t *testing.T, file string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+file)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(stdout)
}

// A gateway that is killed under load loses nothing that it acknowledged, and its file opens again.
func TestKilled(t *testing.T) {
	file := path(t)
	acknowledged := map[string]bool{}
	for range 4 {
		cmd, lines := child(t, file)
		for n := 0; n < 150 && lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it still said before it died
			acknowledged[lines.Text()] = true
		}
		_ = cmd.Wait()

		s := open(t, file, nil)
		members, err := s.Members(t.Context(), "u:all", time.Time{}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		listed := map[string]bool{}
		for _, m := range members {
			listed[string(m)] = true
		}
		for key := range acknowledged {
			e, err := s.Get(t.Context(), session.Key(key))
			want := "value of " + key
			if e.Version == 2 {
				want = "second " + key
			}
			var round, writer, n int
			if _, err := fmt.Sscanf(key, "s:%d-%d-%d", &round, &writer, &n); err != nil {
				t.Fatalf("the child says %q", key)
			}
			if err != nil || string(e.Value) != want || !listed[key] || (n%2 == 0) != (e.Version == 2) {
				t.Fatalf("acknowledged %s is lost: %q version %d listed %v, %v", key, e.Value, e.Version, listed[key], err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) < 600 {
		t.Fatalf("only %d writes were acknowledged", len(acknowledged))
	}
}

func TestSecondProcess(t *testing.T) {
	file := path(t)
	_, lines := child(t, file)
	if !lines.Scan() || strings.HasPrefix(lines.Text(), "error") {
		t.Fatal(lines.Text(), lines.Err())
	}
	locked(t, file)
}

// Close leaves no writer without an answer.
func TestCloseAnswersAll(t *testing.T) {
	s := open(t, path(t), nil)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for n := 0; ; n++ {
				e := session.Entry{Key: session.Key(fmt.Sprintf("s:%d-%d", i, n)), Expires: time.Now().Add(time.Hour)}
				if err := s.Create(ctx, e); err != nil {
					if !errors.Is(err, session.ErrClosed) {
						t.Errorf("got %v", err)
					}
					return
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}
