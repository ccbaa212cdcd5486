package provider

import (
	"errors"
	"sync"
	"time"
)

const (
	codeLife = time.Minute
	maxCodes = 1000
)

var errTooMany = errors.New("too many sign-ins under way")

// issued is the data of a code.
type issued struct {
	redirectURI string
	challenge   string
	nonce       string
	scopes      []string
	sub         string
	sid         string
	authTime    time.Time
	expires     time.Time
	used        bool
}

// codes contains the authorization codes of the last minute. Used codes stay until they expire, so that a second use is
// recognised.
type codes struct {
	mu sync.Mutex
	m  map[string]*issued
}

func (c *codes) add(i issued, now time.Time) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for code, old := range c.m {
		if !now.Before(old.expires) {
			delete(c.m, code)
		}
	}
	if len(c.m) >= maxCodes {
		return "", errTooMany
	}
	if c.m == nil {
		c.m = make(map[string]*issued)
	}
	code := random()
	i.expires = now.Add(codeLife)
	c.m[code] = &i
	return code, nil
}

// spend returns the data of a code, and whether this is its first use. The code is used up even if the caller then
// finds an error (RFC 6749, 4.1.2).
func (c *codes) spend(code string, now time.Time) (i issued, first, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.m[code]
	if !ok || !now.Before(p.expires) {
		return issued{}, false, false
	}
	first = !p.used
	p.used = true
	return *p, first, true
}
