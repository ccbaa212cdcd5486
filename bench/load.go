package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A tally is what a turn of load brought.
type tally struct {
	answered int
	elapsed  time.Duration
	// latencies of all answered requests, in no order.
	latencies []time.Duration
}

// load sends the requests in turn over so many kept-alive connections, each waiting for its answer, for so long. Any
// answer but 200 with the page ends it with an error: a figure for refusals would look splendid.
//
// Written on plain connections: net/http's client costs more than the gateway that is measured.
func load(ctx context.Context, address string, requests [][]byte, connections int, length time.Duration) (tally, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wait sync.WaitGroup
	started := time.Now()
	end := started.Add(length)
	per := make([][]time.Duration, connections)
	for i := range per {
		wait.Go(func() {
			latencies, err := drive(ctx, address, requests, &next, end)
			per[i] = latencies
			if err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	t := tally{elapsed: time.Since(started)}
	for _, latencies := range per {
		t.latencies = append(t.latencies, latencies...)
	}
	t.answered = len(t.latencies)
	if err := context.Cause(ctx); err != nil {
		return tally{}, err
	}
	if t.answered == 0 {
		return tally{}, errors.New("no request was answered")
	}
	return t, nil
}

// drive is one connection.
func drive(ctx context.Context, address string, requests [][]byte, next *atomic.Int64, end time.Time) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(end.Add(10 * time.Second)); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	latencies := make([]time.Duration, 0, 1<<14)
	for now := time.Now(); now.Before(end) && ctx.Err() == nil; {
		request := requests[int(next.Add(1)-1)%len(requests)]
		if _, err := conn.Write(request); err != nil {
			return latencies, err
		}
		if err := readPage(reader); err != nil {
			return latencies, err
		}
		answered := time.Now()
		latencies = append(latencies, answered.Sub(now))
		now = answered
	}
	return latencies, nil
}

var (
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("Content-Length:")
)

// readPage reads one answer and expects it to be the app's page by status and length.
func readPage(reader *bufio.Reader) error {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	if !bytes.HasPrefix(line, statusOK) {
		return fmt.Errorf("an answer began with %q", bytes.TrimSpace(line))
	}
	length := -1
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading headers: %w", err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length != len(page) {
		return fmt.Errorf("an answer of %d bytes is not the app's page", length)
	}
	_, err = io.CopyN(io.Discard, reader, int64(length))
	return err
}

// browserRequest is a top-level navigation as a browser sends it, with the cookies of one session.
func browserRequest(host, cookies string) []byte {
	return []byte("GET / HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"Connection: keep-alive\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: " + userAgent + "\r\n" +
		"Accept: " + accept + "\r\n" +
		"Sec-Fetch-Site: none\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n" +
		"Cookie: " + cookies + "\r\n\r\n")
}

const (
	userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	accept    = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
)
