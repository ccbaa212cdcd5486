package streams

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // as RFC 6455 wants it
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// AppAddress is the variable that makes the program an app with streams, and nothing else: the streams of one gateway need
// as many open files as a process may have.
const AppAddress = "LATCHKEY_BENCH_STREAMS"

// ServeApp answers requests for streams, and others with the app's page.
func ServeApp(address string) error {
	return rig.ServeConnections(address, answer)
}

// startApp starts this program as an app.
func startApp(ctx context.Context, r *rig.Rig) (address string, err error) {
	if address, err = rig.FreeAddress(); err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	p, err := rig.Start(ctx, -1, address, []string{AppAddress + "=" + address}, self)
	if err == nil {
		r.OnClose(p.Stop)
	}
	return address, err
}

// answer serves one connection. What is open sends one event and then nothing.
func answer(conn net.Conn) error {
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 1<<10)
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return err
		}
		text, open := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "+fmt.Sprint(len(rig.Page))+"\r\n\r\n"+rig.Page, true
		switch {
		case r.Header.Get("Upgrade") != "":
			sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
			text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
				base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
		case strings.Contains(r.Header.Get("Accept"), eventStream):
			text = "HTTP/1.1 200 OK\r\nContent-Type: " + eventStream + "\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n"
		default:
			open = false
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		if open {
			_, err = io.Copy(io.Discard, reader)
			return err
		}
	}
}

const eventStream = "text/event-stream"
