//go:build unix

package filelimit

import (
	"math"
	"syscall"
)

// Max returns how many descriptors this process may have: RLIMIT_NOFILE, whose soft limit package os
// raises to the hard one.
func Max() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 256 // the least that a system sets by default: macOS
	}
	if n := uint64(r.Cur); n < math.MaxInt32 { //nolint:unconvert // their types differ
		return int(n)
	}
	return math.MaxInt32
}
