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
