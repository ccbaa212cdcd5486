package journaltest_test

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestMemory(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journaltest.Subject {
		clock := storetest.NewClock()
		m := journaltest.NewMemory(clock.Now)
		return journaltest.Subject{Journal: m, Close: m.Close, Now: clock.Now, Advance: clock.Advance}
	})
}
