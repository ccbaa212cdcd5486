package session_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A manager leaves no goroutine behind once it is closed.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
