package sources

import "time"

// breakage is an attempt that failed in a way that another one may not.
type breakage struct {
	err   error
	after time.Duration // what Retry-After asks for
	final bool          // no other attempt would help
}

func (b *breakage) Error() string { return b.err.Error() }
func (b *breakage) Unwrap() error { return b.err }
