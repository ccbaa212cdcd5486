package chaos

import (
	"slices"
	"testing"
)

// A fault that had no turn is named, and fails a run that was to be complete.
func TestFaultsWithoutATurn(t *testing.T) {
	for _, complete := range []bool{false, true} {
		r := &Report{}
		r.fault("master killed", func(f *faultReport) { f.times++ })
		r.leaveOut([]fault{{name: "master killed"}, {name: "bad reload"}, {name: "bad reload"}}, complete)
		if !slices.Equal(r.leftOut, []string{"bad reload"}) {
			t.Errorf("left out %q", r.leftOut)
		}
		if got := r.violations(); (len(got) == 1) != complete {
			t.Errorf("complete %v: %q", complete, got)
		}
	}
}
