package httpflow_test

import (
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/transfer"
)

// sender is a request's body that comes slowly, and the ResponseWriter whose read deadline ends
// that.
type sender struct {
	*httptest.ResponseRecorder
	every time.Duration
	bytes int // at once
	left  int // bytes
	once  *sync.Once
	over  chan struct{} // closed when the deadline is over
}

func (s *sender) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		s.once.Do(func() { close(s.over) })
	}
	return nil
}

func (s *sender) Read(p []byte) (int, error) {
	select {
	case <-s.over:
		return 0, os.ErrDeadlineExceeded
	case <-time.After(s.every):
	}
	n := min(len(p), s.bytes, s.left)
	if s.left -= n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (*sender) Close() error { return nil }

func TestReceiverLimits(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name   string
		limits transfer.Limits
		sender sender
		after  time.Duration
		why    string // empty: it is received
	}{
		{"silent", transfer.Limits{}, sender{every: time.Hour, bytes: 1, left: 1}, 10 * s, "10s behind the minimum rate"},
		{"silent, no rate", transfer.Limits{MinRate: -1}, sender{every: time.Hour, bytes: 1, left: 1}, time.Minute, "no progress for 1m0s"},
		{"silent, nothing counts", transfer.Limits{Idle: -1, MinRate: -1}, sender{every: time.Hour, bytes: 1, left: 24}, 25 * time.Hour, ""},
		{"dribble", transfer.Limits{}, sender{every: s, bytes: 100, left: 1 << 20}, 11 * s, "10s behind the minimum rate"},
		{"dribble, no rate", transfer.Limits{MinRate: -1}, sender{every: 50 * s, bytes: 1, left: 10}, 550 * s, ""},
		{"slow but honest", transfer.Limits{}, sender{every: s, bytes: 1025, left: 1025 * 3600}, 3601 * s, ""},
		{"in time", transfer.Limits{Total: 100 * s}, sender{every: s, bytes: 2000, left: 2000 * 98}, 99 * s, ""},
		{"out of time", transfer.Limits{Total: 100 * s}, sender{every: s, bytes: 2000, left: 2000 * 1000}, 100 * s, "not done after 1m40s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, tus := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					dir := t.TempDir()
					var outcome httpflow.Outcome
					h := httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{Limits: test.limits, OnRequest: outcomeTo(&outcome)})
					body := test.sender
					body.ResponseRecorder, body.once, body.over = httptest.NewRecorder(), new(sync.Once), make(chan struct{})
					r := httptest.NewRequest("PUT", "/a", &body)
					want := 201
					if tus {
						w := httptest.NewRecorder()
						create := httptest.NewRequest("POST", "/a", nil)
						create.Header.Set("Tus-Resumable", "1.0.0")
						create.Header.Set("Upload-Defer-Length", "1")
						h.ServeHTTP(w, create)
						r = httptest.NewRequest("PATCH", "/"+w.Header().Get("Location"), &body)
						r.Header = create.Header.Clone()
						r.Header.Set("Content-Type", "application/offset+octet-stream")
						r.Header.Set("Upload-Offset", "0")
						want = 204
					}
					if test.why != "" {
						want = 408
					}
					begin := time.Now()
					h.ServeHTTP(&body, r)
					if d := time.Since(begin).Round(s); d != test.after || body.Code != want || outcome.Status != want {
						t.Errorf("tus %t: %d after %v, want %d after %v", tus, body.Code, d, want, test.after)
					}
					if test.why == "" && outcome.Err != nil || test.why != "" && (!isTimeout(outcome.Err) ||
						!strings.Contains(outcome.Err.Error(), test.why) || outcome.ClientGone) {
						t.Errorf("tus %t: outcome %+v, want %q", tus, outcome, test.why)
					}
					if _, err := os.Stat(dir + "/a"); (err == nil) != (test.why == "" && !tus) {
						t.Errorf("tus %t: %v", tus, err)
					}
					if !tus && test.why != "" {
						wantFiles(t, dir, map[string]string{})
					}
				})
			}
		})
	}
}
