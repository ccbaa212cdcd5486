package differential

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// HTTP/3's own numbers (RFC 9114, sections 6.2, 7.2 and 8.1).
const (
	h3ControlStream = 0x0
	h3Data          = 0x0
	h3Headers       = 0x1
	h3Settings      = 0x4
	h3Cancelled     = 0x10c
)

// line3 is HTTP/3, frame by frame, for the same reason as line2.
type line3 struct {
	ctx    context.Context
	addr   string
	config *tls.Config
	conn   *quic.Conn
}

func (l *line3) close() {
	if l.conn != nil {
		_ = l.conn.CloseWithError(0x100, "") // H3_NO_ERROR
		l.conn = nil
	}
}

func (l *line3) open() error {
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	conn, err := quic.DialAddr(ctx, l.addr, l.config, &quic.Config{MaxIdleTimeout: 5 * time.Minute})
	if err != nil {
		return fmt.Errorf("connecting by HTTP/3: %w", err)
	}
	control, err := conn.OpenUniStream()
	if err == nil {
		_, err = control.Write(append(quicvarint.Append(nil, h3ControlStream), frame3(h3Settings, nil)...))
	}
	if err != nil {
		return fmt.Errorf("opening the control stream: %w", err)
	}
	l.conn = conn
	return nil
}

func frame3(kind uint64, payload []byte) []byte {
	out := quicvarint.Append(nil, kind)
	out = quicvarint.Append(out, uint64(len(payload)))
	return append(out, payload...)
}

func (l *line3) roundTrip(r *request, id string, more ...field) (int, error) {
	reused := l.conn != nil
	if !reused {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	stream, err := l.conn.OpenStream()
	if err != nil {
		l.close()
		if reused {
			return l.roundTrip(r, id, more...)
		}
		return 0, fmt.Errorf("opening a stream: %w", err)
	}
	defer stream.CancelRead(h3Cancelled)
	_ = stream.SetDeadline(time.Now().Add(patience))
	var block bytes.Buffer
	enc := qpack.NewEncoder(&block)
	for _, f := range r.fields(id, "https", more...) {
		_ = enc.WriteField(qpack.HeaderField{Name: f.name, Value: f.value}) // into memory
	}
	_ = enc.Close()
	out := frame3(h3Headers, block.Bytes())
	if r.body != "" {
		out = append(out, frame3(h3Data, []byte(r.body))...)
	}
	if _, err := stream.Write(out); err != nil {
		return 0, l.ended(err)
	}
	if r.connect == "" {
		_ = stream.Close()
	} else {
		defer stream.CancelWrite(h3Cancelled)
	}
	return l.answer(stream, r)
}

func (l *line3) answer(stream *quic.Stream, r *request) (status int, err error) {
	in := quicvarint.NewReader(stream)
	for {
		kind, err := quicvarint.Read(in)
		if err != nil {
			return status, l.ended(err)
		}
		size, err := quicvarint.Read(in)
		if err != nil {
			return status, l.ended(err)
		}
		payload := make([]byte, min(size, 1<<20))
		if _, err := io.ReadFull(in, payload); err != nil {
			return status, l.ended(err)
		}
		if kind != h3Headers {
			continue
		}
		next := qpack.NewDecoder().Decode(payload)
		for f, err := next(); err == nil; f, err = next() {
			if f.Name == ":status" {
				status, _ = strconv.Atoi(f.Value)
			}
		}
		if r.connect != "" && status >= 200 {
			return status, nil
		}
	}
}

// ended turns the end of a stream into no error: a reset or a close is an answer. Being late is none.
func (l *line3) ended(err error) error {
	var stream *quic.StreamError
	var idle *quic.IdleTimeoutError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &stream):
		return nil
	case errors.As(err, &idle), l.conn == nil:
		l.close()
		return nil
	case l.conn.Context().Err() != nil:
		l.close()
		return nil
	}
	return fmt.Errorf("no answer by HTTP/3: %w", err)
}
