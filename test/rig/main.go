package rig

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// atEnd is what the whole run shares and gives back: the built binary, the browser driver.
var atEnd struct {
	sync.Mutex
	release []func()
}

func onExit(f func()) {
	atEnd.Lock()
	defer atEnd.Unlock()
	atEnd.release = append(atEnd.release, f)
}

// Main runs the tests of a package and then releases what they shared. A package that uses the rig says
//
//	func TestMain(m *testing.M) { rig.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if found := endIdleGateways(); len(found) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: a gateway that tests have given back:\n%s\n", strings.Join(found, "\n"))
		code = 1
	}
	atEnd.Lock()
	for i := len(atEnd.release) - 1; i >= 0; i-- {
		atEnd.release[i]()
	}
	atEnd.Unlock()
	os.Exit(code)
}
