package session

// What the tests outside the package need to know of its inside.
const (
	MaxListed    = maxListed
	TouchQueue   = touchQueue
	TouchTimeout = touchTimeout
	MaxApps      = maxApps
	RecordGrowth = recordGrowth
	UpdateTries  = updateTries
)

var (
	ErrMalformed  = errMalformed
	ErrTouchQueue = errTouchQueue
	ErrTouchClose = errTouchClose
)

// DigestIsKeys reports whether the cache finds by an id what it is told of by that id's key.
func DigestIsKeys(id ID) bool {
	d, ok := digestOf(id.Key())
	return ok && d == id.digest()
}

// DigestOf reports whether a key is one that a session may have.
func DigestOf(key Key) bool {
	_, ok := digestOf(key)
	return ok
}
