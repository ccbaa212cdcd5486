package signals

import (
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// maxRemembered is how many bytes of Redis an event that is remembered may take, of a million.
const maxRemembered = 100

// A million remembered events take at most 100 bytes each in Redis. Only a part of the lists is written, with all their
// members: what a list takes for each depends on their number.
func TestSizeOfRememberedEvents(t *testing.T) {
	t.Parallel()
	const events, least, below = 1_000_000, "ev:AA", "ev:AE" // 64 of 8192 lists
	server := redistest.Start(t)
	store, err := redisstore.Open(redisstore.Config{URL: server.URL(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	written, until := 0, time.Now().Add(rememberFor)
	for i := range events {
		index, member := session.Remembered("ev", login, strconv.Itoa(i))
		if index < least || index >= below {
			continue
		}
		if err := store.Enlist(t.Context(), index, member, until); err != nil {
			t.Fatal(err)
		}
		written++
	}
	if written < 64*100 {
		t.Fatalf("only %d events are written", written)
	}
	bytes := int64(0)
	for _, key := range server.Do("KEYS", "*").([]any) {
		bytes += server.Do("MEMORY", "USAGE", key, "SAMPLES", 0).(int64)
	}
	each := float64(bytes) / float64(written)
	t.Logf("%d events: %.1f bytes each", written, each)
	if each > maxRemembered {
		t.Errorf("a remembered event takes %.1f bytes, and at most %d are owed", each, maxRemembered)
	}
}

// BenchmarkRefuse is what a forged event costs before its signature is looked at.
func BenchmarkRefuse(b *testing.B) {
	for what, change := range map[string]dict{"another receiver": {"aud": "https://other.example.com"}, "no jti": {"jti": nil}, "two events": {"events": dict{"a": dict{}, "b": dict{}}}} {
		b.Run(what, func(b *testing.B) {
			s := newSender(b)
			raw := s.token(nil, change)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Verify(b.Context(), raw); err == nil {
					b.Fatal("it is not refused")
				}
			}
		})
	}
}
