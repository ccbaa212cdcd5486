package access

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// V5: The short cookie is good for one session, one key and one host, and until its end.
func TestBoundUntil(t *testing.T) {
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	s := &Authenticator{Environment: NewEnvironment(Config{Keys: ring, Now: func() time.Time { return now }})}
	v := &Visit{Host: "wiki.example.com", Secure: true}
	of, other := &session.Binding{DeviceKey: session.DeviceKey{Key: []byte("one"), Place: "x"}}, &session.Binding{DeviceKey: session.DeviceKey{Key: []byte("two")}}
	of.More = []session.DeviceKey{{Key: []byte("three"), Place: v.Host}}
	id, key, until := session.ID{1}, of.More[0].KeyID(), now.Add(10*time.Minute)
	w := httptest.NewRecorder()
	s.GiveBound(w, v, v.Host, id, key, until)
	set := w.Result().Cookies()
	if len(set) != 1 || set[0].Name != browser.HostPrefix+browser.BoundCookie {
		t.Fatalf("cookies: %v", set)
	}
	v.Cookies.Bound = set[0].Value
	if got, ok := s.BoundUntil(v, id, of); !ok || !got.Equal(until) {
		t.Errorf("as it was given: %v, %t", got, ok)
	}
	if _, ok := s.BoundUntil(v, session.ID{9}, of); ok {
		t.Error("it is good for another session")
	}
	if _, ok := s.BoundUntil(v, id, other); ok {
		t.Error("it is good for another key")
	}
	elsewhere := *v
	elsewhere.Host = "mail.example.com"
	if _, ok := s.BoundUntil(&elsewhere, id, of); ok {
		t.Error("it is good at another host")
	}
	now = until
	if _, ok := s.BoundUntil(v, id, of); ok {
		t.Error("it is good for ever")
	}
}

// oneKey are the keys of a session that has one.
type oneKey session.KeyID

func (k oneKey) Has(key session.KeyID) bool { return key == session.KeyID(k) }

// BenchmarkBoundUntil is what a request of a bound session costs more than one of another session.
func BenchmarkBoundUntil(b *testing.B) {
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	s := &Authenticator{Environment: NewEnvironment(Config{Keys: ring, Now: time.Now})}
	v := &Visit{Host: "wiki.example.com", Secure: true}
	id, key := session.ID{1}, session.KeyID{2}
	w := httptest.NewRecorder()
	s.GiveBound(w, v, v.Host, id, key, time.Now().Add(time.Hour))
	v.Cookies.Bound = w.Result().Cookies()[0].Value
	of := oneKey(key)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.BoundUntil(v, id, &of); !ok {
			b.Fatal("refused")
		}
	}
}
