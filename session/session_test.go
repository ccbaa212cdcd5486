package session

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// What is at hand of a session is what its record says, and the record is all there, whatever it is (A30).
func TestSessionIsItsRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawRecord(t)
		s.Kind, s.Renewable = Kind(rapid.IntRange(0, 1).Draw(t, "kind")), rapid.Bool().Draw(t, "renewable")
		s.Managed = rapid.SampledFrom([]string{"", "true", "false"}).Draw(t, "managed")
		s.Compliant = rapid.SampledFrom([]string{"", "true", "false"}).Draw(t, "compliant")
		packed, err := pack.Pack(s.encode())
		if err != nil {
			t.Fatal(err)
		}
		k := s.asEntry(sealedRecord{sealed: append([]byte{7, 9}, make([]byte, keyring.SealOverhead)...), packed: packed})
		l := &k.Session
		if s.Session() != l || k.digest != s.ID.digest() {
			t.Fatal("another session")
		}
		if groups := strings.Join(s.Groups, ","); int(k.size) < len(packed)+len(groups) {
			t.Fatalf("is to take %d bytes, with %d of groups in a header", k.size, len(groups))
		}
		if l.ID != s.ID || l.Kind != s.Kind || l.Renewable != s.Renewable || l.KnownDevice != s.KnownDevice() ||
			l.Provider() != s.Provider || l.Issuer() != s.Identity.Issuer || !l.Created().Equal(s.Created) || !l.LastUsed().Equal(s.LastUsed) || !l.GroupsAsOf().Equal(s.GroupsAsOf) || !l.LastAnswer().Equal(s.LastAnswer()) {
			t.Fatalf("at hand %+v\nof        %+v", l, s)
		}
		read, err := l.Record()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(read, s) || read.Session() != l {
			t.Fatalf("put in %+v\nread   %+v", s, read)
		}
		limits := DefaultLimits
		limits.Finest = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "finest"))
		for _, at := range []time.Time{s.LastUsed, s.Ends(limits), s.Ends(limits).Add(-1), s.LastUsed.Add(time.Minute), s.MaxEnd(limits)} {
			span := l.span()
			if got, want := span.check(at, limits), s.Check(at, limits); !errors.Is(got, want) {
				t.Fatalf("at %v: %v, want %v", at, got, want)
			}
			if got, want := l.touchDue(at, limits), s.touchDue(at, limits); got != want {
				t.Fatalf("use at %v to be written: %v, want %v", at, got, want)
			}
		}
	})
}

// A mark that ends a session ends what is at hand of it as well, and the other way round (A77).
func TestSessionIsRevokedAsItsRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "b"})
		s := drawRecord(t)
		s.Provider, s.Identity = names.Draw(t, "provider"), Identity{names.Draw(t, "issuer"), names.Draw(t, "subject")}
		began := s.began().UnixMilli()
		marks := &marks{by: map[digest]int64{}}
		for range rapid.IntRange(0, 3).Draw(t, "marks") {
			scope := rapid.SampledFrom([]Scope{
				{}, {Provider: "a"}, {Provider: "b"}, {Person: Identity{"a", "a"}}, {Person: Identity{"b", "a"}}, {App: "a"},
			}).Draw(t, "scope")
			d, err := scope.digest()
			if err != nil {
				t.Fatal(err)
			}
			marks.by[d] = began + rapid.Int64Range(-1, 1).Draw(t, "at")
		}
		m := &revocations{list: &revocationList{}}
		m.list.marks.Store(marks)
		live := s.view(nil)
		if got, want := (&loader{revocations: m}).revoked(&live), m.revoked(began, providerMark(s.Provider), personMark(s.Identity)); got != want {
			t.Fatalf("%v, want %v: %v", got, want, marks.by)
		}
	})
}

// What cannot be read is an error, and neither the end of a session nor an outage of the store.
func TestRecordUnreadable(t *testing.T) {
	for _, packed := range [][]byte{nil, {0}, {0, 1}, {99}, {3, 200}} { // 0: not compressed, 99: unknown, 3: cut short
		s, err := (&Session{packed: packed}).Record()
		if s != nil || !errors.Is(err, pack.ErrMalformed) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%x: %v, %v", packed, s, err)
		}
	}
}

// What a cache keeps of each session fits into one of the sizes that the runtime hands out; another word would cost the
// next larger one, tens of thousands of times.
func TestEntryIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size > 224 {
		t.Errorf("%d bytes", size)
	}
}
