package pending

import (
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// copyShown is how soon after Hold the browser asks for the page of a pending sign-in: it is redirected there.
	copyShown = 10 * time.Second
	// maxCopies and maxCopied bound the copies and their bytes. The oldest are dropped first.
	maxCopies = 4096
	maxCopied = 16 << 20
)

// copies are the contents of the pending sign-ins that this process has kept last, so that it need not read from the
// store what it has just written. Pending sign-ins are never changed, only ended, so a copy is either right or of one
// that has ended; the store decides that when it is taken. The provider's tokens in a copy are sealed, as in the store,
// with a secret that only the browser has. The zero value is ready to use.
type copies struct {
	mu    sync.Mutex
	by    map[session.Key]*kept
	order []session.Key // the oldest first; those that were dropped are still in it
	bytes int
}

type kept struct {
	content content
	size    int
	at      time.Time
	shown   bool
}

// keep keeps a copy. size is about how many bytes it takes.
func (c *copies) keep(key session.Key, one content, size int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[session.Key]*kept{}
	}
	c.by[key] = &kept{content: one, size: size, at: now}
	c.order, c.bytes = append(c.order, key), c.bytes+size
	for len(c.order) > maxCopies || c.bytes > maxCopied {
		c.remove(c.order[0])
		c.order = c.order[1:]
	}
}

// get returns the content of a pending sign-in, nil if it is not known here.
func (c *copies) get(key session.Key) *content {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.by[key]; k != nil {
		return &k.content
	}
	return nil
}

// first is get for the first call soon after keep; for later ones it returns nil.
func (c *copies) first(key session.Key, now time.Time) *content {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.by[key]
	if k == nil || k.shown || now.Sub(k.at) >= copyShown || now.Before(k.at) {
		return nil
	}
	k.shown = true
	return &k.content
}

func (c *copies) drop(key session.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
}

func (c *copies) remove(key session.Key) {
	if k := c.by[key]; k != nil {
		c.bytes -= k.size
		delete(c.by, key)
	}
}
