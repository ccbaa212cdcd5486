#!/usr/bin/env bash
# Go 1.26.8: on one processor, which connection is read first. Eight connections get a byte each, in turn, while the program is busy.
# Each has a goroutine that waits for it.
# 1. When the program is free again, the connections are read in the reverse order: the newest byte first, the oldest last. The runtime
#    puts what one question to the system has returned on a stack.
# 2. As long as goroutines can run that need no connection, the connections are not looked at: twenty goroutines that hand a token
#    from one to the next, through a channel and with some work each, all go before a byte that was there before the second began.
# A server that has the work of its clients wait in a line, so that others go first, makes the others wait for the line instead.
# Seen: the lines at the end of this file. Fails if one of them changes. Needs: go.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.8 GOFLAGS=-mod=mod
printf 'module findings\n\ngo 1.26.0\n' >go.mod
cat >main.go <<'G'
package main

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"
)

// pair is a connection to this program, with both ends.
func pair(l net.Listener) (near, far net.Conn) {
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	far, err = l.Accept()
	if err != nil {
		panic(err)
	}
	return near, far
}

func busy(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	order := []string{}
	note := func(s string) { mu.Lock(); order = append(order, s); mu.Unlock() }
	read := func(c net.Conn, name string, wait *sync.WaitGroup) {
		wait.Go(func() {
			c.Read(make([]byte, 1))
			note(name)
		})
	}

	var wait sync.WaitGroup
	var ends []net.Conn
	for i := range 8 {
		near, far := pair(l)
		ends = append(ends, near)
		read(far, fmt.Sprint(i+1), &wait)
	}
	time.Sleep(50 * time.Millisecond) // all wait for their connection
	for _, c := range ends {
		c.Write([]byte{1})
	}
	busy(time.Millisecond)
	wait.Wait()
	fmt.Println("read in this order:", order)

	// The system is asked all ten milliseconds at least, so the line is shorter than that. The best of some tries is shown.
	most := 0
	for range 20 {
		order = nil
		near, far := pair(l)
		read(far, "connection", &wait)
		token := make(chan bool)
		for range 20 {
			wait.Go(func() {
				<-token
				busy(100 * time.Microsecond)
				note("line")
				select {
				case token <- true:
				default: // the last
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		near.Write([]byte{1})
		token <- true
		wait.Wait()
		most = max(most, slices.Index(order, "connection"))
	}
	fmt.Println("of a line of twenty before the connection:", most)
}
G
go run . | tee seen
cat >want <<'W'
read in this order: [8 7 6 5 4 3 2 1]
of a line of twenty before the connection: 20
W
diff want seen
