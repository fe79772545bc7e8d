package httpflow

import (
	"context"
	"errors"
	"sync"
)

var errBusy = errors.New("another request is writing to it")

// locks are locks by name. The zero locks is ready for use.
type locks struct {
	mu sync.Mutex
	m  map[string]*lock
}

type lock struct {
	stop func()        // makes the holder stop reading a body; nil: it holds the lock for a short time only
	done chan struct{} // closed when the lock is free
}

// try locks name. If it is locked, the lock of its holder is returned.
func (l *locks) try(name string, stop func()) (release func(), other *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if other := l.m[name]; other != nil {
		return nil, other
	}
	if l.m == nil {
		l.m = map[string]*lock{}
	}
	mine := &lock{stop, make(chan struct{})}
	l.m[name] = mine
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.m, name)
		close(mine.done)
	}), nil
}

// lock locks name, and waits for a holder that has it for a short time. One that reads a body is
// stopped with interrupt; without, the error is errBusy.
func (l *locks) lock(ctx context.Context, name string, stop func(), interrupt bool) (release func(), err error) {
	for {
		release, other := l.try(name, stop)
		if other == nil {
			return release, nil
		}
		if other.stop != nil {
			if !interrupt {
				return nil, errBusy
			}
			other.stop()
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
