package httpkit

import (
	"math"
	"time"
)

// Watch ends a transfer that waits too long for the other side. It runs only while somebody waits for
// that, so that a slow flow is not the other side's fault. One goroutine at a time may use it.
type Watch struct {
	Idle   time.Duration // how long one wait may be
	Rate   int64         // of bytes per second; 0 means none
	Window time.Duration // by how much the body may lag behind that rate

	// Over is called, in a goroutine of its own, when a limit is reached: "idle" with Idle, or "rate"
	// with Window.
	Over func(limit string, after time.Duration)

	lag   time.Duration
	timer *time.Timer
	since time.Time // of a wait for the body; else zero
}

// Begin says that a wait begins: for the body, or for an answer, which has no rate.
func (w *Watch) Begin(body bool) {
	w.since = time.Time{}
	if body {
		w.since = time.Now()
	}
	limit, wait, after := "idle", w.Idle, w.Idle
	if left := w.Window - w.lag; body && w.Rate > 0 && left < wait {
		limit, wait, after = "rate", left, w.Window
	}
	if wait != NoLimit {
		w.timer = time.AfterFunc(wait, func() { w.Over(limit, after) })
	}
}

// End says that it ended, with n bytes of the body. Without a Begin before it, it does nothing.
func (w *Watch) End(n int) {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.Rate > 0 && !w.since.IsZero() {
		// What n bytes may take. As a float64 it can be more than a Duration holds.
		earned := float64(n) / float64(w.Rate) * float64(time.Second)
		w.lag = time.Duration(max(0, float64(w.lag+time.Since(w.since))-min(earned, math.MaxInt64/2)))
	}
	w.since = time.Time{}
}
