package observe

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/latchkey-gateway/latchkey/session"
)

// operation is a request to the store.
type operation int

const (
	create operation = iota
	get
	replace
	getAll
	remove
	enlist
	members
	delist
	apply
	ping
	stamp
	operations // how many there are
)

// operationNames are the names of the operations in metrics and spans.
var operationNames = [operations]string{
	create: "create", get: "get", replace: "replace", getAll: "get_all", remove: "remove", enlist: "enlist", members: "members",
	delist: "delist", apply: "apply", ping: "ping", stamp: "stamp",
}

// The results of a request to the store, in spans.
const (
	resultOK       = "ok"
	resultNotFound = "not_found"
	resultConflict = "conflict"
	resultFailed   = "failed"
)

// watched is a store whose requests are measured.
type watched struct{ next session.Store }

// started is a request to the store that is under way.
type started struct {
	at   time.Time
	span trace.Span // nil without a trace
}

func begin(ctx context.Context, op operation) started {
	s := started{at: time.Now()}
	if parent := recording(ctx); parent != nil {
		s.span = child(ctx, parent, "latchkey.store."+operationNames[op], trace.WithTimestamp(s.at), trace.WithSpanKind(trace.SpanKindClient))
	}
	return s
}

func (s started) end(op operation, err error) {
	result := resultOf(err)
	storeDurations[op].Observe(time.Since(s.at).Seconds())
	if result == resultFailed {
		storeFailed[op].Inc()
	}
	if s.span == nil {
		return
	}
	s.span.SetAttributes(attribute.String("latchkey.store.operation", operationNames[op]), attribute.String("latchkey.store.result", result))
	if result == resultFailed {
		fail(s.span, "store_unavailable")
	}
	s.span.End()
}

// resultOf returns the result of a request. That there is no entry, or another one, is no failure.
func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, session.ErrNotFound):
		return resultNotFound
	case errors.Is(err, session.ErrConflict):
		return resultConflict
	}
	return resultFailed
}

// Create implements session.Entries.
func (w *watched) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	s := begin(ctx, create)
	err := w.next.Create(ctx, e, in...)
	s.end(create, err)
	return err
}

// Get implements session.Entries.
func (w *watched) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	s := begin(ctx, get)
	e, err := w.next.Get(ctx, key)
	s.end(get, err)
	return e, err
}

// Replace implements session.Entries.
func (w *watched) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	s := begin(ctx, replace)
	version, err := w.next.Replace(ctx, e)
	s.end(replace, err)
	return version, err
}

// GetAll implements session.Entries.
func (w *watched) GetAll(ctx context.Context, keys ...session.Key) ([]session.Entry, error) {
	s := begin(ctx, getAll)
	entries, err := w.next.GetAll(ctx, keys...)
	s.end(getAll, err)
	return entries, err
}

// Remove implements session.Entries.
func (w *watched) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	s := begin(ctx, remove)
	e, err := w.next.Remove(ctx, key, from...)
	s.end(remove, err)
	return e, err
}

// Enlist implements session.Indexes.
func (w *watched) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	s := begin(ctx, enlist)
	err := w.next.Enlist(ctx, index, member, until)
	s.end(enlist, err)
	return err
}

// Members implements session.Indexes.
func (w *watched) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	s := begin(ctx, members)
	keys, err := w.next.Members(ctx, index, before, limit)
	s.end(members, err)
	return keys, err
}

// Delist implements session.Indexes.
func (w *watched) Delist(ctx context.Context, index session.Key, keys ...session.Key) error {
	s := begin(ctx, delist)
	err := w.next.Delist(ctx, index, keys...)
	s.end(delist, err)
	return err
}

// Apply implements session.Steps.
func (w *watched) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	s := begin(ctx, apply)
	done, err := w.next.Apply(ctx, st)
	s.end(apply, err)
	return done, err
}

// Ping implements session.Store.
func (w *watched) Ping(ctx context.Context) error {
	s := begin(ctx, ping)
	err := w.next.Ping(ctx)
	s.end(ping, err)
	return err
}

// Close implements session.Store.
func (w *watched) Close() error { return w.next.Close() }
