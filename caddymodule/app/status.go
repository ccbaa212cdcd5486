package app

import (
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/signals"
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
	// Warnings are facts about this provider that an operator should know.
	Warnings []string `json:"warnings,omitempty"`
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
	for _, p := range a.tenant.Providers {
		s := p.State()
		answer.Providers = append(answer.Providers, providerStatus{
			Name: p.Name, State: providerState(s), MetadataFetched: timeOrNone(s.Metadata), MetadataError: s.MetadataErr,
			KeysFetched: timeOrNone(s.Keys), LastFailure: timeOrNone(s.Failed), LastError: s.Err,
			TokenError: s.TokenErr, Warnings: s.Warnings,
		})
	}
	answer.Signals = a.streams.Status()
	if a.signIns != nil {
		s := a.signIns.Stats()
		answer.SignInLog = &signInLogStatus{Stored: s.Stored, Lost: s.Lost, OverShare: s.OverShare, Waiting: s.Waiting, Failing: s.Failing}
	}
	return answer
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
