package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/httpflow"
)

// A stalledWriter takes one piece, and then waits for its deadline.
type stalledWriter struct {
	http.ResponseWriter
	pieces int
	freed  chan struct{}
}

func (w *stalledWriter) Write(b []byte) (int, error) {
	if w.pieces++; w.pieces == 1 {
		return len(b), nil
	}
	<-w.freed
	return 0, os.ErrDeadlineExceeded
}

func (w *stalledWriter) SetWriteDeadline(at time.Time) error {
	if at.Before(time.Now()) {
		close(w.freed)
	}
	return nil
}

// A client that takes nothing for a minute is given up, and that is its server's doing.
func TestFlowGivesUpStalledClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stalledWriter{ResponseWriter: httptest.NewRecorder(), freed: make(chan struct{})}
		start := time.Now()
		f := newFlowWriter(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		n, err := f.Write(make([]byte, 20<<10))
		if took := time.Since(start); n != 16<<10 || !errors.Is(err, httpflow.ErrTooSlow) || took != idleTime {
			t.Errorf("wrote %d bytes, %v, after %v", n, err, took)
		}
		if cause := context.Cause(f.ctx); !errors.Is(cause, httpflow.ErrTooSlow) {
			t.Errorf("the flow's context: %v", cause)
		}
		f.outcome.Err = err
		if o := f.end(); o.ClientLeft || o.Bytes != 16<<10 || o.Status != 200 {
			t.Errorf("outcome %+v", o)
		}
	})
}
