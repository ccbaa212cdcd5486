package transmitter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
	"github.com/latchkey-gateway/latchkey/session/signin/wellknown"
)

const (
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

	known wellknown.Kept[Metadata]
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

// Metadata returns the metadata, as wellknown.Kept keeps it.
func (t *Transmitter) Metadata(ctx context.Context) (*Metadata, error) {
	return t.known.Current(ctx, t.Now, t.fetch)
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
	if errors.Is(err, wellknown.ErrNone) && appended != at {
		if m, err := t.fetchAt(ctx, appended); !errors.Is(err, wellknown.ErrNone) {
			return m, err
		}
	}
	return m, err
}

func (t *Transmitter) fetchAt(ctx context.Context, address string) (*Metadata, error) {
	m, err := wellknown.Fetch(ctx, t.Client, address, func(m *Metadata) error {
		return wellknown.CheckParty(t.Issuer, m.Issuer, m.JWKSURI)
	})
	if err != nil {
		return nil, oidc.Truncated(fmt.Errorf("metadata of the transmitter: %w", err))
	}
	return m, nil
}
