package httpflow

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrTooSlow is why a response was broken off by its [Limits].
var ErrTooSlow = errors.New("too slow")

// Limits say how long a client may take. Idle and MinRate measure the time that a response waits
// for the client, so a slow disk or a rate limit is not held against it; only where the kernel
// copies the file it cannot be told apart, and the disk's time counts. A response that exceeds
// one is broken off, with an error that is [ErrTooSlow]. A write that waits can be ended only where
// the ResponseWriter supports write deadlines, as those of net/http do. A WriteTimeout of the
// server applies besides.
type Limits struct {
	// Idle is how long the client may take for one chunk, of 16 KiB at most. Where the kernel
	// copies, a chunk is at first 64 KiB, 256 KiB at most while the client takes each within a
	// tenth of a second, and else 16 KiB. 0 means a minute, negative no limit. A paused player is idle; after that time it has to ask again, with a
	// range, as they do.
	Idle time.Duration

	// MinRate is how many bytes per second the client must take. 0 means any number. It may fall
	// behind by 10 s, and does not get ahead.
	MinRate int64

	// Total is how long the whole response may take. 0 means any time.
	Total time.Duration
}

const (
	defaultIdle = time.Minute
	rateGrace   = 10 * time.Second
)

// patience applies Limits to one response. Writes are announced with begin and end, one at a time.
type patience struct {
	Limits
	start  time.Time   // of the response
	giveUp func(error) // ends a write that waits; called at most once

	mu     sync.Mutex
	timer  *time.Timer // outlives the writes: to set it for each one costs more than to let it run out
	rings  time.Time   // when it does; zero: not at all
	began  time.Time
	due    time.Time // of the write under way; zero: there is none, or it may take for ever
	reason error     // for being late then
	late   error     // the reason, when it has come to that
	behind time.Duration
}

// begin is called before n bytes are written. They must not be if it returns an error.
func (p *patience) begin(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late != nil {
		return p.late
	}
	p.began = time.Now()
	allow := func(d time.Duration, reason error) {
		if due := p.began.Add(d); p.due.IsZero() || due.Before(p.due) {
			p.due, p.reason = due, reason
		}
	}
	if idle := p.Idle; idle >= 0 {
		if idle == 0 {
			idle = defaultIdle
		}
		allow(idle, errIdle)
	}
	if p.MinRate > 0 {
		allow(rateGrace-p.behind+p.share(n), errRate)
	}
	if p.Total > 0 {
		allow(p.Total-p.began.Sub(p.start), errTotal)
	}
	p.set(p.began)
	return nil
}

// set sees to it that the timer rings when the write is due, or before. The mutex is held.
func (p *patience) set(now time.Time) {
	switch {
	case p.due.IsZero() || !p.rings.IsZero() && !p.due.Before(p.rings):
		return
	case p.timer == nil:
		p.timer = time.AfterFunc(p.due.Sub(now), p.expire)
	default:
		p.timer.Reset(p.due.Sub(now))
	}
	p.rings = p.due
}

// end is called when n bytes were written. An error means that it took too long, also where the
// write does not say so.
func (p *patience) end(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due.IsZero() {
		return p.late
	}
	p.due = time.Time{}
	if p.MinRate > 0 {
		p.behind = max(0, p.behind+time.Since(p.began)-p.share(n))
	}
	return p.late
}

// expire is the timer's.
func (p *patience) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rings = time.Time{}
	now := time.Now()
	switch {
	case p.late != nil:
		return
	case p.due.IsZero() || now.Before(p.due):
		p.set(now) // it was for a write that is over
		return
	}
	p.late = p.reason
	p.giveUp(p.late)
}

// stop is called when nothing is written any more.
func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = time.Time{} // there is one when the write has panicked
	if p.timer != nil {
		p.timer.Stop()
	}
}

// share is the time that n bytes take at the lowest rate.
func (p *patience) share(n int) time.Duration {
	return time.Duration(float64(n) / float64(p.MinRate) * float64(time.Second))
}

var (
	errIdle  = fmt.Errorf("%w: the client has stopped reading", ErrTooSlow)
	errRate  = fmt.Errorf("%w: the client reads less than the lowest rate", ErrTooSlow)
	errTotal = fmt.Errorf("%w: the time for a response is up", ErrTooSlow)
)
