package httpflow

import (
	"context"
	"errors"
	"sync"
)

var errBusy = errors.New("another request is writing to it")

// holds are what at most one request at a time may use, by name. The zero holds is ready for use.
type holds struct {
	mu sync.Mutex
	m  map[string]*hold
}

type hold struct {
	stop func()        // ends the holder's reading; nil: it holds for a short time only
	done chan struct{} // closed when it is over
}

// try takes hold of name if nobody else has it. Otherwise it returns who has.
func (h *holds) try(name string, stop func()) (release func(), other *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if other := h.m[name]; other != nil {
		return nil, other
	}
	if h.m == nil {
		h.m = map[string]*hold{}
	}
	mine := &hold{stop, make(chan struct{})}
	h.m[name] = mine
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.m, name)
		close(mine.done)
	}), nil
}

// take takes hold of name, and waits for those that hold it for a short time. If one reads a body,
// it is stopped with interrupt, otherwise that is errBusy.
func (h *holds) take(ctx context.Context, name string, stop func(), interrupt bool) (release func(), err error) {
	for {
		release, other := h.try(name, stop)
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
