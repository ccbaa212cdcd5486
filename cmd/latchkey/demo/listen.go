package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// loopbacks returns the loopback addresses of this machine, as a Caddyfile writes them: browsers try both for
// "localhost".
func loopbacks() []string {
	all := []string{"127.0.0.1"}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		all = append(all, "[::1]")
	}
	return all
}

// listen listens to a port on every address, or on none. The error is for the user who started the demo and names the
// flag that helps.
func listen(ctx context.Context, addresses []string, port uint16, flag string) ([]net.Listener, error) {
	var (
		all    []net.Listener
		config net.ListenConfig
	)
	for _, a := range addresses {
		l, err := config.Listen(ctx, "tcp", a+":"+strconv.Itoa(int(port)))
		if err != nil {
			closeAll(all)
			if inUse(err) {
				return nil, fmt.Errorf("port %d is taken, perhaps by another demo; choose a free one with %s", port, flag)
			}
			var op *net.OpError
			if errors.As(err, &op) {
				err = op.Err
			}
			return nil, fmt.Errorf("port %d cannot be used: %w; choose another with %s", port, err, flag)
		}
		all = append(all, l)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}
