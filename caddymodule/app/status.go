package app

import (
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/caddymodule/observe"
	"github.com/latchkey-gateway/latchkey/caddymodule/signals"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// StatusAnswer is the state of this server.
type StatusAnswer struct {
	// Store is the state of the store: ok, degraded, cache_only or unavailable; see session.State. StoreSince is the
	// time of the last change. StoreOutages counts the outages since this configuration was loaded.
	Store        string    `json:"store"`
	StoreSince   time.Time `json:"storeSince"`
	StoreOutages uint64    `json:"storeOutages"`
	// Cached is the number of sessions in this server's cache. Streams is the number of sessions with an open stream on
	// this server. Pending is the number of sign-ins, over all servers, that wait for the answer to the question, at
	// the last count.
	Cached      int   `json:"cachedSessions"`
	CachedBytes int64 `json:"cachedBytes"`
	Streams     int   `json:"sessionsWithStreams"`
	Pending     int   `json:"pendingSignIns"`

	// StoreFile is the file of the store, if it is one. KeyRing is the key ring in Caddy's storage; it is left out if the
	// configuration lists the keys.
	StoreFile *fileStatus    `json:"storeFile,omitempty"`
	KeyRing   *keyRingStatus `json:"keyRing,omitempty"`

	Providers []providerStatus `json:"providers"`
	SignInLog *signInLogStatus `json:"signInLog,omitempty"`
	// Signals are the streams of events.
	Signals []signals.Status `json:"signals,omitempty"`
}

// providerStatus is the state of a provider. Times of events that have not happened are left out.
type providerStatus struct {
	Name string `json:"name"`
	// State is one of: ok; stale, if the last refresh of the metadata failed; failing, if the last request to the token
	// endpoint failed; unavailable, if there is no metadata yet.
	State           string     `json:"state"`
	MetadataFetched *time.Time `json:"metadataFetched,omitempty"`
	MetadataError   string     `json:"metadataError,omitempty"`
	KeysFetched     *time.Time `json:"keysFetched,omitempty"`
	LastFailure     *time.Time `json:"lastFailure,omitempty"`
	LastError       string     `json:"lastError,omitempty"`
	TokenError      string     `json:"tokenError,omitempty"`
	// ClockAhead is how many seconds the clock of the provider was ahead in its last answer.
	ClockAhead *float64 `json:"clockAheadSeconds,omitempty"`
	// CertificateEnds is when the certificate ends with which the gateway authenticates there.
	CertificateEnds *time.Time `json:"clientCertificateEnds,omitempty"`
	// Warnings are facts about this provider that an operator should know.
	Warnings []string `json:"warnings,omitempty"`
}

// fileStatus is the size of the file of the store with its log, how much room is left for them, and whether the disk takes
// what is written.
type fileStatus struct {
	Bytes    int64 `json:"bytes"`
	Free     int64 `json:"freeBytes"`
	Writable bool  `json:"writable"`
}

// keyRingStatus is the state of the key ring in Caddy's storage.
type keyRingStatus struct {
	Keys int `json:"keys"`
	// Due is when the newest key is to be replaced; left out if keys are not replaced by their age.
	Due *time.Time `json:"rotationDue,omitempty"`
	// Read is when the ring was last read.
	Read time.Time `json:"lastRead"`
}

// signInLogStatus is the state of the stored sign-in log.
type signInLogStatus struct {
	Stored uint64 `json:"stored"`
	Lost   uint64 `json:"lost"`
	// OverShare counts entries that were not stored because their user or address had used its share of the day.
	OverShare uint64 `json:"overShare,omitempty"`
	Waiting   int    `json:"waiting"`
	Failing   bool   `json:"failing"`
}

// The states of a provider.
const (
	providerOK          = "ok"
	providerStale       = "stale"
	providerFailing     = "failing"
	providerUnavailable = "unavailable"
)

func providerState(s oidc.State) string {
	switch {
	case s.Metadata.IsZero():
		return providerUnavailable
	case s.TokenErr != "":
		return providerFailing
	case s.MetadataErr != "":
		return providerStale
	}
	return providerOK
}

// Status is the state of the store, of the cache and of the providers, as this replica sees it.
func (a *App) Status() StatusAnswer {
	health, known := a.sessions.Health(), a.sessions.Known()
	answer := StatusAnswer{
		Store: string(health.State), StoreSince: health.Since.UTC(), StoreOutages: health.Outages,
		Cached: known.Sessions, CachedBytes: known.Bytes, Streams: known.Watched, Pending: waiting(a.service),
		Providers: make([]providerStatus, 0, len(a.tenant.Providers)),
	}
	answer.StoreFile, answer.KeyRing = fileOf(a.module), keyRingOf(a.keeper)
	for i, p := range a.tenant.Providers {
		s := p.State()
		answer.Providers = append(answer.Providers, providerStatus{
			Name: p.Name, State: providerState(s), MetadataFetched: timeOrNone(s.Metadata), MetadataError: s.MetadataErr,
			KeysFetched: timeOrNone(s.Keys), LastFailure: timeOrNone(s.Failed), LastError: s.Err,
			TokenError: s.TokenErr, Warnings: s.Warnings, ClockAhead: clockAhead(a.asked, i), CertificateEnds: certificateEnds(p),
		})
	}
	answer.Signals = a.streams.Status()
	if a.signIns != nil {
		s := a.signIns.Stats()
		answer.SignInLog = &signInLogStatus{Stored: s.Stored, Lost: s.Lost, OverShare: s.OverShare, Waiting: s.Waiting, Failing: s.Failing}
	}
	return answer
}

// fileOf returns the state of the file of a store; nil if the store is no file, or the file cannot be looked at.
func fileOf(module store.Module) *fileStatus {
	file, ok := module.(*store.File)
	if !ok {
		return nil
	}
	size, free, err := file.Room()
	if err != nil {
		return nil
	}
	return &fileStatus{Bytes: size, Free: free, Writable: file.Failure() == nil}
}

func keyRingOf(keeper *keystorage.Keeper) *keyRingStatus {
	if keeper == nil {
		return nil
	}
	return &keyRingStatus{Keys: len(keeper.Ring.Keys()), Due: timeOrNone(keeper.Due()), Read: keeper.LastRead().UTC()}
}

// clockAhead returns how far the clock of a provider was ahead; nil if it has said nothing.
func clockAhead(asked []*observe.Provider, i int) *float64 {
	if i >= len(asked) {
		return nil // an app of Of
	}
	clock, ok := asked[i].Clock()
	if !ok {
		return nil
	}
	ahead := clock.Ahead.Seconds()
	return &ahead
}

// certificateEnds returns when the client's certificate ends; nil if there is none, and the zero time if it cannot be read.
func certificateEnds(p *oidc.Provider) *time.Time {
	if p.ClientCertificate == nil {
		return nil
	}
	pair, err := p.ClientCertificate()
	if err != nil || pair.Leaf == nil {
		return new(time.Time)
	}
	ends := pair.Leaf.NotAfter.UTC()
	return &ends
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// waiting returns how many sign-ins wait for the answer to "Stay signed in?"; service is nil before it exists.
func waiting(service *signin.Service) int {
	if service == nil {
		return 0
	}
	return service.Waiting()
}
