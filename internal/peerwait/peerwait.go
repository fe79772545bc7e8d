// Package peerwait limits how long a transfer waits for the other side. It measures only the waits,
// so that what is slow on this side is not held against the peer.
package peerwait

import (
	"math"
	"sync"
	"time"

	"github.com/weirflow/weir/transfer"
)

// A Wait applies limits to one exchange with a peer, whatever its direction. Begin and End, which
// alternate, surround each operation that waits for the peer: a write or a read, or the time from one
// read of a request's body to the next. They may be called by different goroutines.
type Wait struct {
	limits  transfer.Limits
	start   time.Time // Total counts from it
	expired func(*transfer.TimeoutError)

	mu      sync.Mutex
	timer   *time.Timer // outlives the operations: to set it for each one costs more than to let it run out
	rings   time.Time   // when the timer fires; zero: not at all
	began   time.Time
	rated   bool                   // the operation is part of the body
	quiet   transfer.TimeoutError  // how long it may be quiet; After is negative where that has no limit
	end     time.Time              // of it, by the other limits; zero: they have none
	ending  transfer.TimeoutError  // the reason then
	due     time.Time              // of the operation under way; zero: there is none, or it has no limit
	reason  transfer.TimeoutError  // for being late then
	late    *transfer.TimeoutError // the first reason, once it has come to that
	lag     time.Duration          // behind the minimum rate
	stopped bool
}

// New returns a Wait with limits, whose zeros are the defaults of [transfer.Limits]. Total counts from
// now, but only an operation is ended by it, at its beginning or under way. expired is called when a
// limit is exceeded, at most once, by Begin or in a goroutine of its own; it ends the operation that
// waits, by a deadline or the cancellation of a context. The Wait is locked meanwhile: expired must not call it.
func New(limits transfer.Limits, expired func(*transfer.TimeoutError)) *Wait {
	return &Wait{limits: limits.WithDefaults(), start: time.Now(), expired: expired}
}

// Begin announces an operation that waits for the peer to take n bytes of the body, or with 0 for an
// unknown number of bytes from it. It returns the *transfer.TimeoutError if a limit was exceeded
// before: the operation must not begin then.
func (w *Wait) Begin(n int) error { return w.begin(true, n) }

// BeginAnswer announces a wait for something that is not part of the body and has no rate.
func (w *Wait) BeginAnswer() error { return w.begin(false, 0) }

// BeginFinalAnswer announces the wait for the answer to a body that has ended.
func (w *Wait) BeginFinalAnswer() error {
	return w.beginQuiet(transfer.TimeoutError{Limit: "answer", After: w.limits.Answer}, false, 0)
}

func (w *Wait) begin(rated bool, n int) error {
	return w.beginQuiet(transfer.TimeoutError{Limit: "idle", After: w.limits.Idle}, rated, n)
}

func (w *Wait) beginQuiet(quiet transfer.TimeoutError, rated bool, n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.late != nil {
		return w.late
	}
	if w.stopped {
		return nil
	}
	w.began, w.rated, w.quiet, w.end = time.Now(), rated, quiet, time.Time{}
	allow := func(d time.Duration, limit string, after time.Duration) {
		if end := w.began.Add(d); w.end.IsZero() || end.Before(w.end) {
			w.end, w.ending = end, transfer.TimeoutError{Limit: limit, After: after}
		}
	}
	l := &w.limits
	if rated && l.MinRate > 0 && l.MinRateWindow >= 0 {
		allow(l.MinRateWindow-w.lag+w.share(n), "rate", l.MinRateWindow)
	}
	if l.Total >= 0 {
		allow(l.Total-w.began.Sub(w.start), "total", l.Total)
	}
	w.reckon(w.began)
	if !w.due.IsZero() && !w.due.After(w.began) { // an operation that need not wait would be over before the timer fires
		return w.expire()
	}
	w.set(w.began)
	return nil
}

// reckon sets when the operation is due if the peer is quiet from now on. The mutex is held.
func (w *Wait) reckon(now time.Time) {
	w.due, w.reason = w.end, w.ending
	if w.quiet.After < 0 {
		return
	}
	if due := now.Add(w.quiet.After); w.due.IsZero() || !due.After(w.due) {
		w.due, w.reason = due, w.quiet
	}
}

// Alive says that the peer is at work: it restarts the idle time, or that for the final answer, of the operation under way. The
// minimum rate and the total time go on.
func (w *Wait) Alive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.late != nil || w.stopped || w.began.IsZero() {
		return
	}
	now := time.Now()
	w.reckon(now)
	w.set(now)
}

// End says that the operation is over, and was about n bytes of the body. It returns the
// *transfer.TimeoutError if a limit was exceeded, also where the operation itself succeeded. Without a
// Begin before it, nothing is counted.
func (w *Wait) End(n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rated && w.limits.MinRate > 0 && !w.began.IsZero() {
		w.lag = max(0, w.lag+time.Since(w.began)-w.share(n))
	}
	w.began, w.due = time.Time{}, time.Time{}
	if w.late != nil {
		return w.late
	}
	return nil
}

// Stop ends the watch: from now on nothing expires.
func (w *Wait) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.began, w.due = time.Time{}, time.Time{}
	if w.timer != nil {
		w.timer.Stop()
	}
}

// set makes the timer fire when the operation is due, or earlier. The mutex is held.
func (w *Wait) set(now time.Time) {
	switch {
	case w.due.IsZero() || !w.rings.IsZero() && !w.due.Before(w.rings):
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(w.due.Sub(now), w.fire)
	default:
		w.timer.Reset(w.due.Sub(now))
	}
	w.rings = w.due
}

// fire is the timer's.
func (w *Wait) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rings = time.Time{}
	now := time.Now()
	switch {
	case w.late != nil || w.stopped:
	case w.due.IsZero() || now.Before(w.due):
		w.set(now) // it was for an operation that is over
	default:
		_ = w.expire()
	}
}

// expire notes that the operation is late. The mutex is held.
func (w *Wait) expire() error {
	reason := w.reason
	w.late = &reason
	w.expired(w.late)
	return w.late
}

// share is the time that n bytes take at the minimum rate. As a float64 it can be more than a
// Duration holds.
func (w *Wait) share(n int) time.Duration {
	return time.Duration(min(float64(n)/float64(w.limits.MinRate)*float64(time.Second), math.MaxInt64/4))
}
