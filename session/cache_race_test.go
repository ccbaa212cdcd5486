package session_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Loading, touching, tightening and ending at once: after the end has returned, no caller ever finds the session.
func TestRaceLoadEnd(t *testing.T) {
	w := newCachedWorld(t, cached())
	for range 200 {
		s, token := w.create(t, draft(ada, session.Persistent), session.Tokens{})
		w.clock.Advance(time.Hour)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 20 {
					if s, err := w.LoadRecord(context.Background(), token); err == nil {
						w.Touch(s.Session(), "wiki")
					}
				}
			})
		}
		wg.Go(func() { _, _ = w.Tighten(context.Background(), s, "policy") })
		wg.Go(func() {
			if err := w.End(context.Background(), s); err != nil {
				t.Errorf("end: %v", err)
			}
			for range 20 {
				if _, err := w.LoadRecord(context.Background(), token); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("after the end: %v", err)
				}
			}
		})
		wg.Wait()
		w.loads(t, "after all", token, session.ErrNotFound)
	}
}

// The same with evictions and doubts under way, for the race detector and the cache's own bookkeeping.
func TestRaceEvictions(t *testing.T) {
	c := cached()
	c.Cache = session.NewCache(session.CacheConfig{Entries: 128})
	w := newCachedWorld(t, c)
	tokens := make([]session.Token, 400)
	for i := range tokens {
		_, tokens[i] = w.create(t, draft(ada, session.Browser), session.Tokens{})
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := range tokens {
				if _, err := w.LoadRecord(context.Background(), tokens[(i*7+n*100)%len(tokens)]); err != nil {
					t.Errorf("load: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := c.Cache.Len(); n > 128 {
		t.Errorf("%d entries", n)
	}
}

// A hit makes no garbage.
func TestHitAllocatesNothing(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Load(ctx, token) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// typical is a session as an enterprise's provider makes one: ten groups by id, in the claims and as a list.
func typical() session.Record {
	d := draft(ada, session.Browser)
	d.Groups = nil
	claims := `{"iss":"https://login.example.com","sub":"248289761001","aud":"latchkey","exp":1800000000,"iat":1790000000,` +
		`"auth_time":1790000000,"nonce":"n-0S6_WzA2Mj","name":"Ada Lovelace","preferred_username":"ada","email":"ada@example.com","groups":[`
	for i := range 10 {
		g := "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f" + string(rune('0'+i))
		d.Groups = append(d.Groups, g)
		claims += `"` + g + `",`
	}
	d.Claims = []byte(claims[:len(claims)-1] + "]}")
	d.UserInfo = nil
	return d
}

var typicalTokens = session.Tokens{
	Refresh: string(make([]byte, 800)), IDHeader: []byte(`{"alg":"ES256","kid":"1"}`), IDSignature: make([]byte, 64),
}

// What a session in the cache costs, read out of the store as any replica would: its memory, and what a garbage collection
// looks at of it: two pieces, one of which has no pointers, and no table.
func TestMemoryOfCachedSession(t *testing.T) {
	if raceEnabled {
		return // it takes seconds more, and pools forget
	}
	const n = 2000
	w := newCachedWorld(t, cached())
	tokens := make([]session.Token, n)
	for i := range tokens {
		_, tokens[i], _ = w.world.Create(t.Context(), typical(), typicalTokens)
	}
	cache := session.NewCache(session.CacheConfig{})
	c := cached()
	c.Cache = cache
	m := w.node(t, c)
	before := collected()
	for _, token := range tokens {
		if _, err := m.Load(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	after := collected()
	each, pieces, scanned := (after.bytes-before.bytes)/n, float64(after.pieces-before.pieces)/n, (after.scanned-before.scanned)/n
	t.Logf("%d bytes in %.2f pieces for each session in the cache, of which a collection looks at %d", each, pieces, scanned)
	if each > 2048 {
		t.Errorf("%d bytes for each session in the cache, want at most 2048", each)
	}
	if pieces > 2.25 {
		t.Errorf("%.2f pieces for each session in the cache, want two", pieces)
	}
	if scanned > 262 {
		t.Errorf("a collection looks at %d bytes of each session, want at most 262", scanned)
	}
	runtime.KeepAlive(m)
}

// heap is what is in use of the heap, in how many pieces, and how much of it a garbage collection looks at.
type heap struct{ bytes, pieces, scanned int64 }

// collected reads that after a collection.
func collected() heap {
	runtime.GC()
	runtime.GC()
	read := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/objects:objects"}, {Name: "/gc/scan/heap:bytes"}}
	metrics.Read(read)
	of := func(i int) int64 { return int64(read[i].Value.Uint64()) } //nolint:gosec // of this process
	return heap{of(0), of(1), of(2)}
}

func BenchmarkHit(b *testing.B) {
	w := newCachedWorld(b, session.ManagerConfig{Recheck: time.Hour})
	tokens := make([]session.Token, 1000)
	for i := range tokens {
		_, tokens[i] = w.create(b, typical(), typicalTokens)
	}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := w.Load(ctx, tokens[i%len(tokens)]); err != nil {
				b.Error(err)
			}
		}
	})
}

// What it costs to read a whole session from what the cache has of it.
func BenchmarkRecordOfSession(b *testing.B) {
	w := newCachedWorld(b, session.ManagerConfig{Recheck: time.Hour})
	s, _, err := w.world.Create(b.Context(), typical(), typicalTokens)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Session().Record(); err != nil {
			b.Fatal(err)
		}
	}
}
