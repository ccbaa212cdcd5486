package differential

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// line2 is HTTP/2, frame by frame: no library stands between a request and the wire, for they would refuse odd ones.
type line2 struct {
	addr   string
	config *tls.Config
	conn   net.Conn
	framer *xhttp2.Framer
	block  bytes.Buffer
	enc    *hpack.Encoder
	dec    *hpack.Decoder
	stream uint32
	status int
}

func (l *line2) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

func (l *line2) open() error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", l.addr, l.config)
	if err != nil {
		return fmt.Errorf("connecting by HTTP/2: %w", err)
	}
	l.conn, l.framer, l.stream = conn, xhttp2.NewFramer(conn, conn), 1
	l.block.Reset()
	l.enc = hpack.NewEncoder(&l.block)
	l.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":status" {
			l.status, _ = strconv.Atoi(f.Value)
		}
	})
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, xhttp2.ClientPreface); err != nil {
		l.close()
		return err
	}
	return l.framer.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 30})
}

func (l *line2) roundTrip(r *request, id string, more ...field) (int, error) {
	reused := l.conn != nil
	if !reused {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	_ = l.conn.SetDeadline(time.Now().Add(patience))
	stream := l.stream
	l.stream += 2
	l.block.Reset()
	for _, f := range r.fields(id, "https", more...) {
		_ = l.enc.WriteField(hpack.HeaderField{Name: f.name, Value: f.value}) // into memory
	}
	// An extended CONNECT stays open in the client's direction, as a WebSocket does.
	ends := r.body == "" && r.connect == ""
	err := l.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: stream, BlockFragment: l.block.Bytes(), EndHeaders: true, EndStream: ends})
	if err == nil && r.body != "" {
		err = l.framer.WriteData(stream, r.connect == "", []byte(r.body))
	}
	if err != nil {
		l.close()
		if reused {
			return l.roundTrip(r, id, more...)
		}
		return 0, nil
	}
	l.status = 0
	status, again, err := l.answer(stream, r)
	if again && reused {
		return l.roundTrip(r, id, more...)
	}
	return status, err
}

// answer reads until the stream or the connection has ended. again says that the connection was gone before the request.
func (l *line2) answer(stream uint32, r *request) (status int, again bool, err error) {
	for {
		f, err := l.framer.ReadFrame()
		if err != nil {
			l.close()
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return 0, false, fmt.Errorf("no answer by HTTP/2 within %v", patience)
			}
			return l.status, l.status == 0, nil
		}
		switch f := f.(type) {
		case *xhttp2.SettingsFrame:
			if !f.IsAck() {
				_ = l.framer.WriteSettingsAck()
			}
		case *xhttp2.PingFrame:
			_ = l.framer.WritePing(true, f.Data)
		case *xhttp2.GoAwayFrame:
			l.close()
			return l.status, f.LastStreamID < stream && f.ErrCode == xhttp2.ErrCodeNo, nil
		case *xhttp2.HeadersFrame:
			if _, err := l.dec.Write(f.HeaderBlockFragment()); err != nil {
				l.close()
				return 0, false, fmt.Errorf("the answer's headers: %w", err)
			}
			if f.StreamID == stream && l.status >= 200 && (f.StreamEnded() || r.connect != "") {
				return l.status, false, l.reset(stream, r)
			}
		case *xhttp2.DataFrame:
			if n := uint32(len(f.Data())); n > 0 {
				_ = l.framer.WriteWindowUpdate(0, n)
			}
			if f.StreamID == stream && f.StreamEnded() {
				return l.status, false, nil
			}
		case *xhttp2.RSTStreamFrame:
			if f.StreamID == stream {
				return l.status, false, nil
			}
		}
	}
}

// reset ends a stream that is open in the client's direction.
func (l *line2) reset(stream uint32, r *request) error {
	if r.connect == "" {
		return nil
	}
	return l.framer.WriteRSTStream(stream, xhttp2.ErrCodeCancel)
}
