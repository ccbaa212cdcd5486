package guess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// floorAt is the variable that makes the program a server at an address that refuses every request, and nothing else. It does the
// least that anything can do that answers: how much it slows the users is what the machine takes for the connections.
const floorAt = "LATCHKEY_BENCH_FLOOR"

// Refuses reports whether the program was started as that server. It was one then, until it was ended.
func Refuses() bool {
	address := os.Getenv(floorAt)
	if address == "" {
		return false
	}
	fmt.Fprintln(os.Stderr, "bench: refusing:", rig.ServeConnections(address, refuseAll))
	return true
}

// plainRefusal is as long as what the site answers to a wrong token.
var plainRefusal = []byte("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\nContent-Length: 160\r\nWWW-Authenticate: Bearer\r\nX-Rest: " +
	strings.Repeat("-", 250) + "\r\n\r\n" + strings.Repeat("-", 160))

// refuseAll answers the requests of one connection. They have no body, and none is sent before the last was answered.
func refuseAll(conn net.Conn) error {
	defer conn.Close()
	request := make([]byte, 0, 16<<10)
	for {
		n, err := conn.Read(request[len(request):cap(request)])
		if err != nil {
			return err
		}
		switch request = request[:len(request)+n]; {
		case bytes.HasSuffix(request, []byte("\r\n\r\n")):
			if _, err := conn.Write(plainRefusal); err != nil {
				return err
			}
			request = request[:0]
		case len(request) == cap(request):
			return errors.New("the request is too long")
		}
	}
}

// floor starts this program as that server, on the core of the gateways.
func floor(ctx context.Context, r *rig.Rig) (*rig.Gateway, error) {
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := r.Start(ctx, address, []string{floorAt + "=" + address}, self)
	if err != nil {
		return nil, err
	}
	return &rig.Gateway{Addresses: rig.Addresses{Site: address}, Processes: []*rig.Process{p}}, nil
}
