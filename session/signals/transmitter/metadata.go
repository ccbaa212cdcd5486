package transmitter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

const (
	// metadataTTL is how long metadata is used before it is fetched again.
	metadataTTL = time.Hour
	// metadataRetry is how long old metadata is used after a fetch that failed.
	metadataRetry = time.Minute
	// keysForcedEvery is the shortest interval between fetches of keys that unknown key IDs cause: strangers can push
	// events, and all of them together cause four fetches a minute.
	keysForcedEvery = 15 * time.Second
	wellKnown       = "/.well-known/ssf-configuration"
)

// Metadata is what a transmitter publishes about itself. An endpoint that it does not offer is empty.
type Metadata struct {
	Issuer  string `json:"issuer"`
	JWKSURI string `json:"jwks_uri"`
	// DeliveryMethods are PushDelivery, PollDelivery or both; empty if the transmitter does not say.
	DeliveryMethods []string `json:"delivery_methods_supported"`
	// DefaultSubjects is ALL or NONE: which users a new stream is about before any is added; empty if it does not say.
	DefaultSubjects string `json:"default_subjects"`

	// CriticalSubjectMembers are members of a subject that a receiver must understand, or else discard the event.
	CriticalSubjectMembers []string `json:"critical_subject_members"`

	ConfigurationEndpoint string `json:"configuration_endpoint"`
	StatusEndpoint        string `json:"status_endpoint"`
	AddSubjectEndpoint    string `json:"add_subject_endpoint"`
	RemoveSubjectEndpoint string `json:"remove_subject_endpoint"`
	VerificationEndpoint  string `json:"verification_endpoint"`
}

// Transmitter is a party that sends events. It is safe for concurrent use.
type Transmitter struct {
	// Issuer is compared byte for byte with the metadata.
	Issuer string
	// Client sends requests. It must limit the time and the size of an answer, as that of oidc.NewClient does.
	Client *http.Client
	Now    func() time.Time

	fetching sync.Mutex // one fetch at a time

	mu      sync.Mutex
	known   *Metadata
	fetched time.Time // of the last success
	tried   time.Time // of the last attempt
}

// Keys returns the keys of the transmitter, which are fetched when they are first needed.
func (t *Transmitter) Keys() *jwks.Set {
	return &jwks.Set{
		URL: func(ctx context.Context) (string, error) {
			m, err := t.Metadata(ctx)
			if err != nil {
				return "", err
			}
			return m.JWKSURI, nil
		},
		Client: reach.Following(t.Client, reach.CheckEndpoint), Now: t.Now, ForcedEvery: keysForcedEvery,
	}
}

// Metadata returns the metadata. It is fetched if it is unknown or old; while that fails, old metadata is used. One caller
// fetches: a transmitter that does not answer delays no other one for which old metadata is known.
func (t *Transmitter) Metadata(ctx context.Context) (*Metadata, error) {
	known, good := t.current()
	switch {
	case good:
		return known, nil
	case known == nil:
		t.fetching.Lock()
	case !t.fetching.TryLock():
		return known, nil
	}
	defer t.fetching.Unlock()
	if known, good = t.current(); good {
		return known, nil
	}
	m, err := t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tried = t.Now()
	switch {
	case err == nil:
		t.known, t.fetched = m, t.tried
	case known != nil:
		return known, nil
	}
	return m, err
}

// current returns what is known, and whether it need not be fetched now.
func (t *Transmitter) current() (known *Metadata, good bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	return t.known, t.known != nil && (now.Sub(t.fetched) < metadataTTL || now.Sub(t.tried) < metadataRetry)
}

// Critical returns Metadata.CriticalSubjectMembers.
func (t *Transmitter) Critical(ctx context.Context) ([]string, error) {
	m, err := t.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	return m.CriticalSubjectMembers, nil
}

// Address returns the address of the metadata of an issuer: the well-known name stands before the issuer's path (Shared
// Signals Framework, section 7.2).
func Address(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer + wellKnown
	}
	u.Path = wellKnown + strings.TrimSuffix(u.Path, "/")
	u.RawPath = ""
	return u.String()
}

// fetch asks where the specification has the metadata. If there is nothing it asks where OpenID Connect would have it:
// Keycloak under a path of its own is there alone.
func (t *Transmitter) fetch(ctx context.Context) (*Metadata, error) {
	at, appended := Address(t.Issuer), strings.TrimSuffix(t.Issuer, "/")+wellKnown
	m, err := t.fetchAt(ctx, at)
	if errors.Is(err, errNoMetadata) && appended != at {
		if m, err := t.fetchAt(ctx, appended); !errors.Is(err, errNoMetadata) {
			return m, err
		}
	}
	return m, err
}

var errNoMetadata = errors.New("metadata of the transmitter: status 404")

func (t *Transmitter) fetchAt(ctx context.Context, address string) (*Metadata, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := reach.Following(t.Client, reach.CheckEndpoint).Do(req)
	if err != nil {
		return nil, oidc.Truncated(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, errNoMetadata
	default:
		return nil, fmt.Errorf("metadata of the transmitter: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("metadata of the transmitter: %w", err)
	}
	m := new(Metadata)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("reading metadata of the transmitter: %w", err)
	}
	if m.Issuer != t.Issuer {
		return nil, oidc.Truncated(fmt.Errorf("issuer is %q in the configuration and %q in the metadata of the transmitter", t.Issuer, m.Issuer))
	}
	if err := reach.CheckEndpoint(m.JWKSURI); err != nil {
		return nil, fmt.Errorf("metadata of the transmitter: jwks_uri: %w", err)
	}
	return m, nil
}
