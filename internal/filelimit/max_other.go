//go:build !unix

package filelimit

import "math"

// Max returns how many descriptors this process may have: there is no such limit.
func Max() int { return math.MaxInt32 }
