package rig

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// ServerConfig says which program is an app behind the gateway, and how it is started.
type ServerConfig struct {
	// Names are the names that the program may have; the first one is named where it is missing.
	Names []string
	Args  []string
	Dir   string
	// Addr is where it answers once it is up.
	Addr string
}

// StartServer starts a real server and waits until it accepts connections. It ends with the test.
func StartServer(t testing.TB, c ServerConfig) {
	t.Helper()
	out := &lockedBuffer{}
	cmd := exec.Command(program(t, c.Names...), c.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, out, out
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", c.Names[0], err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("the output of %s:\n%s", c.Names[0], tail(out.String(), 4000))
		}
	})
	up := Holds(Patience, func() bool {
		conn, err := net.DialTimeout("tcp", c.Addr, time.Second)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	if !up {
		t.Fatalf("%s does not start:\n%s", c.Names[0], tail(out.String(), 4000))
	}
}

// PythonModule returns a python3 that has a module, and fails the test with the remedy if none has. The distribution's
// own python3 comes first: its packages are installed for that one.
func PythonModule(t testing.TB, module string) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import "+module).Run() == nil {
			return name
		}
	}
	t.Fatalf("python3 has no module %s; run `make deps`", module)
	return ""
}
