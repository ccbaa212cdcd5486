package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/caddymodule/observe"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// endingCertificate is one that ends at a time.
func endingCertificate(t *testing.T, ends time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.Add(-time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// What has to be kept in order is in the status and in the metrics: the file of the store, the key ring, the clock of a
// provider, the certificate for it.
func TestUpkeep(t *testing.T) {
	file := &store.File{Path: filepath.Join(t.TempDir(), "sessions.db")}
	if err := file.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	storage, ring := &certmagic.FileStorage{Path: t.TempDir()}, new(keyring.Ring)
	keys, _, err := keystorage.LoadOrMake(t.Context(), storage, time.Now())
	if err == nil {
		err = ring.Replace(keys, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.NewManager(session.ManagerConfig{Store: storetest.NewMemory(nil), Keys: ring})
	t.Cleanup(sessions.Close)
	ends := time.Now().Add(10 * 24 * time.Hour).Truncate(time.Second)
	pair, unreadable := endingCertificate(t, ends), error(nil)
	asked := &observe.Provider{Name: "main", EndpointOf: func(*url.URL) string { return "token" }}
	a := Of(Parts{
		Sessions: sessions,
		Keeper:   keystorage.New(keystorage.Config{Ring: ring, Storage: storage, Logger: zap.NewNop(), Rotate: 24 * time.Hour}),
		Providers: []*oidc.Provider{oidc.New(oidc.Config{
			Name: "main", Issuer: "https://idp.example.com", ClientID: "x", ClientCertificate: func() (*tls.Certificate, error) { return pair, unreadable },
		})},
	})
	a.module, a.asked = file, []*observe.Provider{asked}
	Enter(a)
	t.Cleanup(func() { Leave(a) })

	m := gathered(t)
	for _, name := range []string{"store_file_bytes{}", "store_file_free_bytes{}", "provider_clock_ahead_seconds{main}"} {
		if v, ok := m[name]; ok {
			t.Errorf("%s is %v before anything is known", name, v)
		}
	}
	for name, size := range map[string]int{"": 4000, ".0.wal": 700, ".1.wal": 300} {
		if err := os.WriteFile(file.Location()+name, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
	}))
	defer server.Close()
	if resp, err := (&http.Client{Transport: asked.Wrap(http.DefaultTransport)}).Get(server.URL); err == nil {
		_ = resp.Body.Close()
	}
	m = gathered(t)
	now := float64(time.Now().Unix())
	for name, within := range map[string][2]float64{
		"store_file_bytes{}": {5000, 5000}, "store_file_free_bytes{}": {1, 1e18}, "store_file_writable{}": {1, 1}, "key_ring_keys{}": {1, 1},
		"key_ring_rotation_due_seconds{}": {now + 86000, now + 86400}, "key_ring_read_seconds{}": {now - 60, now},
		"provider_clock_ahead_seconds{main}":             {57, 60},
		"provider_client_certificate_ends_seconds{main}": {float64(ends.Unix()), float64(ends.Unix())},
	} {
		if v, ok := m[name]; !ok || v < within[0] || v > within[1] {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, within)
		}
	}
	s := a.Status()
	if s.StoreFile == nil || s.StoreFile.Bytes != 5000 || s.KeyRing == nil || s.KeyRing.Due == nil || s.Providers[0].ClockAhead == nil ||
		!s.Providers[0].CertificateEnds.Equal(ends) {
		t.Errorf("%+v", s)
	}
	unreadable = errors.New("no such file")
	if v, ok := gathered(t)["provider_client_certificate_ends_seconds{main}"]; !ok || v != 0 {
		t.Errorf("a certificate that cannot be read ends at %v (%v)", v, ok)
	}
}

// A file that takes no write any more is in the status and in the metrics.
func TestFileTakesNoWrite(t *testing.T) {
	file := &store.File{Path: filepath.Join(t.TempDir(), "sessions.db")}
	if err := file.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	shared, err := store.Acquire(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Release() })
	open, err := shared.Open(file, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Failure(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file.Location(), 8192); err != nil {
		t.Fatal(err)
	}
	if err := open.Create(t.Context(), session.Entry{Key: "s:a", Expires: time.Now().Add(time.Hour)}); !errors.Is(err, session.ErrUnavailable) {
		t.Fatalf("create: %v", err)
	}
	if err := file.Failure(); err == nil {
		t.Error("no failure")
	}
	if s := fileOf(file); s == nil || s.Writable {
		t.Errorf("%+v", s)
	}
}

// Sign-ins are counted by provider and code. An entry that stands for several counts as many; what an administrator does is
// no sign-in.
func TestSignInsAreCounted(t *testing.T) {
	const name = "sign_ins_total{50140,counted,interrupted}"
	before := gathered(t)[name]
	for _, r := range []signinlog.Record{
		{Provider: "counted", Code: 50140},
		{Provider: "counted", Code: 50140, Repeats: 4},
		{Provider: "counted", Code: 50140, InitiatedBy: &signinlog.Initiator{Activity: "end session"}},
	} {
		countedSignIns{}.Write(r)
	}
	if n := gathered(t)[name] - before; n != 5 {
		t.Errorf("%v sign-ins were counted", n)
	}
}
