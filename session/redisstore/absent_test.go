package redisstore

import (
	"errors"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
)

// That something is not there counts only from a server that is still the master: from another one it is an outage, which
// ends no session.
func TestFormerMasterDoesNotSayWhatIsGone(t *testing.T) {
	t.Parallel()
	s, err := Open(Config{Master: "m", Sentinels: []string{"127.0.0.1:1"}}) // no sentinel answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	term := s.guard.Term()
	if err := s.absent(t.Context(), term); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the master does not say what is gone: %v", err)
	}
	if err := s.absent(t.Context(), term+1); !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrNotFound) {
		t.Errorf("after the master has changed: %v", err)
	}
}
