package observe

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// traced returns a context with a span, and what ends its trace and returns the spans.
func traced(t *testing.T) (context.Context, func() tracetest.SpanStubs) {
	t.Helper()
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	return ctx, func() tracetest.SpanStubs { span.End(); return kept.GetSpans() }
}

// counted returns the value of a counter.
func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	m := new(dto.Metric)
	if err := c.Write(m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func said(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// A store that is measured keeps the contract of one that is not.
func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		clock := storetest.NewClock()
		return storetest.Subject{Store: Store(storetest.NewMemory(clock.Now)), Now: clock.Now, Advance: clock.Advance}
	})
}

type (
	feed   struct{ session.Feed }
	stamps struct{ session.Stamps }
	log    struct{ journal.Journal }
)

// The optional parts are those of the store behind, no more and no fewer: a caller looks for them.
func TestOptionalParts(t *testing.T) {
	memory := storetest.NewMemory(nil)
	for _, tt := range []struct {
		store                session.Store
		feeds, stamps, keeps bool
	}{
		{memory, false, false, false},
		{struct {
			session.Store
			feed
		}{memory, feed{}}, true, false, false},
		{struct {
			session.Store
			stamps
		}{memory, stamps{}}, false, true, false},
		{struct {
			session.Store
			log
		}{memory, log{}}, false, false, true},
		{struct {
			session.Store
			feed
			stamps
		}{memory, feed{}, stamps{}}, true, true, false},
		{struct {
			session.Store
			feed
			log
		}{memory, feed{}, log{}}, true, false, true},
		{struct {
			session.Store
			stamps
			log
		}{memory, stamps{}, log{}}, false, true, true},
		{struct {
			session.Store
			feed
			stamps
			log
		}{memory, feed{}, stamps{}, log{}}, true, true, true},
	} {
		s := Store(tt.store)
		_, feeds := s.(session.Feed)
		_, stamps := s.(session.Stamps)
		_, keeps := s.(journal.Journal)
		if feeds != tt.feeds || stamps != tt.stamps || keeps != tt.keeps {
			t.Errorf("has feed, stamps, journal: %v %v %v, want %v %v %v", feeds, stamps, keeps, tt.feeds, tt.stamps, tt.keeps)
		}
	}
}

// What a store of the gateway can do is not lost by being measured: a caller that looks for a part finds it.
func TestNothingIsHidden(t *testing.T) {
	for _, s := range []session.Store{new(redisstore.Store), new(filestore.Store)} {
		plain, measured := reflect.TypeOf(s), reflect.TypeOf(Store(s))
		for i := range plain.NumMethod() {
			// Package store asks the stores themselves for these.
			if name := plain.Method(i).Name; name != "Advice" && name != "Facts" && name != "Failure" {
				if _, ok := measured.MethodByName(name); !ok {
					t.Errorf("%v has %s, which is hidden", plain, name)
				}
			}
		}
	}
}

// A request to the store is a span of the trace that it belongs to, with its result and without its key.
func TestStoreSpans(t *testing.T) {
	memory := storetest.NewMemory(nil)
	s := Store(memory)
	ctx, spans := traced(t)
	e := session.Entry{Key: session.HashKey("s", "zoe"), Value: []byte("sealed"), Expires: time.Now().Add(time.Hour)}
	if err := s.Create(ctx, e); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, e); !errors.Is(err, session.ErrConflict) {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, session.HashKey("s", "ada")); !errors.Is(err, session.ErrNotFound) {
		t.Fatal(err)
	}
	before := counted(t, storeFailures.WithLabelValues("get"))
	memory.Fail(errors.New("redis.internal.example.com is away"))
	if _, err := s.Get(ctx, e.Key); !errors.Is(err, session.ErrUnavailable) {
		t.Fatal(err)
	}
	if n := counted(t, storeFailures.WithLabelValues("get")) - before; n != 1 {
		t.Errorf("%v failures were counted", n)
	}
	got := spans()
	want := []struct{ name, result string }{
		{"latchkey.store.create", "ok"}, {"latchkey.store.create", "conflict"}, {"latchkey.store.get", "not_found"}, {"latchkey.store.get", "failed"},
	}
	if len(got) != len(want)+1 {
		t.Fatalf("%d spans", len(got))
	}
	request := got[len(want)]
	for i, w := range want {
		s := got[i]
		if s.Name != w.name || said(s, "latchkey.store.result") != w.result || s.Parent.SpanID() != request.SpanContext.SpanID() {
			t.Errorf("%s, %s, below %s", s.Name, said(s, "latchkey.store.result"), s.Parent.SpanID())
		}
		if failed := w.result == "failed"; (s.Status.Code == codes.Error) != failed || failed && s.Status.Description != "store_unavailable" {
			t.Errorf("%s: status %v", s.Name, s.Status)
		}
		for _, a := range s.Attributes {
			if v := a.Value.String(); v == string(e.Key) || v == "sealed" || v == "redis.internal.example.com is away" {
				t.Errorf("a span has %s: %s", a.Key, v)
			}
		}
	}
}

// Without tracing a request to the store allocates nothing more.
func TestNoAllocationsWithoutTracing(t *testing.T) {
	plain := storetest.NewMemory(nil)
	e := session.Entry{Key: session.HashKey("s", "zoe"), Value: []byte("sealed"), Expires: time.Now().Add(time.Hour)}
	if err := plain.Create(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	measured := Store(plain)
	ask := func(s session.Store) float64 {
		return testing.AllocsPerRun(200, func() {
			if _, err := s.Get(t.Context(), e.Key); err != nil {
				t.Error(err)
			}
		})
	}
	if without, with := ask(plain), ask(measured); with != without {
		t.Errorf("%v allocations, %v without the measurement", with, without)
	}
	d := Decision{App: "wiki", Decision: "allow", Reason: "allowed"}
	if n := testing.AllocsPerRun(200, func() { d.Record(t.Context()) }); n != 0 {
		t.Errorf("%v allocations for a decision", n)
	}
}

// What is appended in a step of the store is appended in a step of the measured one.
func TestAppendsInStep(t *testing.T) {
	for _, does := range []bool{true, false} {
		measured, ok := Store(inSteps{storetest.NewMemory(nil), does}).(journal.InSteps)
		if !ok || measured.AppendsInStep() != does {
			t.Errorf("%v is said by the store, not by the measured one", does)
		}
	}
	if Store(storetest.NewMemory(nil)).(journal.InSteps).AppendsInStep() {
		t.Error("a store that appends nothing in its steps does so when measured")
	}
}

type inSteps struct {
	*storetest.Memory
	does bool
}

func (s inSteps) AppendsInStep() bool { return s.does }
