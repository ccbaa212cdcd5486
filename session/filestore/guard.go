package filestore

import (
	"fmt"
	"runtime/debug"
)

var errBroken = fmt.Errorf("%w: a write met damage earlier", ErrDamaged)

// crash is a panic of the database over a damaged file, or a fault in the mapped memory.
type crash struct{ cause any }

func (c crash) Error() string { return fmt.Sprintf("%v: %v", ErrDamaged, c.cause) }
func (c crash) Unwrap() error { return ErrDamaged }

// guard turns panics into errors: bbolt trusts its file and panics, or faults, where the file is damaged.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = crash{cause}
		}
	}()
	return f()
}
