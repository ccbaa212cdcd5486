package app

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Field trial 4.10: a provider whose token endpoint is of no use is not called ok, whatever its metadata says.
func TestProviderState(t *testing.T) {
	at := time.Unix(1000, 0)
	for want, s := range map[string]oidc.State{
		providerOK:          {Metadata: at},
		providerStale:       {Metadata: at, MetadataErr: "status 503"},
		providerFailing:     {Metadata: at, MetadataErr: "status 503", TokenErr: "connection refused"},
		providerUnavailable: {TokenErr: "connection refused", MetadataErr: "status 503"},
	} {
		if got := providerState(s); got != want {
			t.Errorf("%+v is %s, want %s", s, got, want)
		}
	}
}
