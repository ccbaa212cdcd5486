package filestore_test

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestFeedContract(t *testing.T) {
	storetest.RunFeed(t, func(t *testing.T) storetest.FeedSubject {
		clock := storetest.NewClock()
		return storetest.FeedSubject{Feed: open(t, path(t), clock.Now), Other: open(t, path(t), clock.Now)}
	})
}
