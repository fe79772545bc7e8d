package pipetest

import "time"

// SetPatience sets how long a run may take before it counts as stuck, until restore is called.
func SetPatience(d time.Duration) (restore func()) {
	old := patience
	patience = d
	return func() { patience = old }
}
