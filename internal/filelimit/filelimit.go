// Package filelimit is for programs that are out of file descriptors, or should not get there.
package filelimit

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// reserved is how many descriptors are left to the rest of the process: the standard streams, the
// runtime's, a listener, a directory or two, what a library opens for a moment.
const reserved = 16

// Fit returns how many things that hold each descriptors may be there at once: most, or fewer where the
// process may not have as many descriptors. It is 1 at least.
func Fit(most, each int) int { return fit(Max(), most, each) }

func fit(limit, most, each int) int { return max(1, min(most, (limit-reserved)/each)) }

// Exhausted reports whether err says that the process (EMFILE) or the system (ENFILE) has no descriptor
// left.
func Exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

const (
	patience   = 10 * time.Second // how long Retry goes on
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// Retry calls f, and calls it again while it fails because there are no descriptors: others may close
// theirs. It gives up after 10 s, or when ctx ends, with f's error. An f that fails in this way must have
// changed nothing.
func Retry(ctx context.Context, f func() error) error {
	err := f()
	if !Exhausted(err) {
		return err
	}
	end := time.Now().Add(patience)
	for pause := firstPause; Exhausted(err) && time.Now().Before(end); pause = min(2*pause, maxPause) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		err = f()
	}
	return err
}
