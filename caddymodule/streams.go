package caddymodule

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// held ties what may stay open for long to the session it was opened with: a WebSocket, a stream of events, a tunnel.
// When the session is over the request's context ends, and with it what the rest of the route does with it. done ends
// the tie; it is nil for a request that is none of these.
func (h *Handler) held(w http.ResponseWriter, r *http.Request, who *session.Session) (held *http.Request, done func()) {
	if !mayStayOpen(r) {
		return r, nil
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	var mu sync.Mutex
	over := false
	stop := h.rt.app.rt.sessions.Watch(who, h.rt.site.App, func(cause error) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return // the connection may serve another request by now
		}
		cancel(cause)
		// A proxy that streams at once (flush_interval -1) passes over a context that ended; a write that fails it
		// does not.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now())
	})
	return r.WithContext(ctx), func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
		cancel(nil)
	}
}

// mayStayOpen reports whether a request asks for something that goes on after it was allowed.
func mayStayOpen(r *http.Request) bool {
	if len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect {
		return true
	}
	for _, accept := range r.Header["Accept"] {
		if strings.Contains(accept, "text/event-stream") {
			return true
		}
	}
	for _, kind := range r.Header["Content-Type"] {
		if strings.HasPrefix(kind, "application/grpc") {
			return true
		}
	}
	return false
}
