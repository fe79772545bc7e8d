package httpflow_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

// client is a ResponseWriter whose every Write takes a while, unless a deadline ends it.
type client struct {
	*httptest.ResponseRecorder
	pace func(write, n int) time.Duration

	mu     sync.Mutex
	writes int
	past   bool
	flush  time.Duration // how long a flush takes
	over   chan struct{} // closed when there is a deadline in the past
}

func newClient(pace func(write, n int) time.Duration) *client {
	return &client{ResponseRecorder: httptest.NewRecorder(), pace: pace, over: make(chan struct{})}
}

func (c *client) Write(b []byte) (int, error) {
	c.writes++
	if err := c.wait(c.pace(c.writes, len(b))); err != nil {
		return 0, err
	}
	return c.ResponseRecorder.Write(b)
}

func (c *client) FlushError() error { return c.wait(c.flush) }

func (c *client) wait(d time.Duration) error {
	select {
	case <-c.over:
		return os.ErrDeadlineExceeded
	default:
	}
	select {
	case <-time.After(d):
		return nil
	case <-c.over:
		return os.ErrDeadlineExceeded
	}
}

func (c *client) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !t.IsZero() && t.Before(time.Now()) && !c.past {
		c.past = true
		close(c.over)
	}
	return nil
}

func TestLimits(t *testing.T) {
	const mib = 1 << 20
	never := 1000 * time.Hour
	for _, test := range []struct {
		name   string
		limits transfer.Limits
		pace   func(write, n int) time.Duration
		want   time.Duration // 0: it succeeds
	}{
		{"idle, by default", transfer.Limits{}, func(int, int) time.Duration { return never }, time.Minute},
		{"idle later", transfer.Limits{}, func(w, _ int) time.Duration {
			if w == 3 {
				return never
			}
			return 10 * time.Second
		}, 80 * time.Second},
		{"idle as set", transfer.Limits{Idle: 5 * time.Second}, func(int, int) time.Duration { return never }, 5 * time.Second},
		{"no window", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: -1}, func(int, int) time.Duration { return time.Hour }, 0},
		{"the default window", transfer.Limits{Idle: -1, MinRate: 1 << 20}, func(int, int) time.Duration { return never }, 30 * time.Second},
		{"no minimum, no total", transfer.Limits{MinRate: -1, Total: -1}, func(int, int) time.Duration { return 59 * time.Second }, 0},
		{"renewed for each chunk", transfer.Limits{}, func(int, int) time.Duration { return 59 * time.Second }, 0},
		{"none", transfer.Limits{Idle: -1}, func(int, int) time.Duration { return time.Hour }, 0},
		{"at the lowest rate", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: 10 * time.Second},
			func(_, n int) time.Duration { return time.Duration(n) * time.Second / 1024 }, 0},
		{"at half the lowest rate", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: 10 * time.Second}, // 16 s behind in 32
			func(_, n int) time.Duration { return time.Duration(n) * time.Second / 512 }, 26 * time.Second},
		{"a little below the lowest rate", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: 10 * time.Second}, // 4 s behind in 20
			func(_, n int) time.Duration { return time.Duration(n) * time.Second / 1024 * 5 / 4 }, 58 * time.Second},
		{"nobody gets ahead of the lowest rate", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: 10 * time.Second}, func(w, _ int) time.Duration {
			if w == 50 {
				return 30 * time.Second
			}
			return 0
		}, 26 * time.Second},
		{"a pause within the grace", transfer.Limits{Idle: -1, MinRate: 1 << 20, MinRateWindow: 10 * time.Second}, func(w, _ int) time.Duration {
			if w == 2 {
				return 9 * time.Second
			}
			return 0
		}, 0},
		{"total", transfer.Limits{Total: 90 * time.Second}, func(int, int) time.Duration { return 20 * time.Second }, 90 * time.Second},
		{"total, in time", transfer.Limits{Total: time.Hour}, func(int, int) time.Duration { return 20 * time.Second }, 0},
		{"idle in the last step", transfer.Limits{}, func(w, _ int) time.Duration {
			if w == mib>>14 {
				return never
			}
			return 0
		}, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen httpflow.Outcome
				h := httpflow.Bytes("f", make([]byte, mib), httpflow.Options{
					Limits:    test.limits,
					OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o },
				})
				c := newClient(test.pace)
				start := time.Now()
				h.ServeHTTP(c, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
				elapsed := time.Since(start)
				if test.want == 0 {
					if seen.Err != nil || seen.Bytes != mib || c.past {
						t.Errorf("%+v", seen)
					}
					return
				}
				if !isTimeout(seen.Err) || seen.ClientGone || !c.past {
					t.Errorf("%+v, broken off: %v", seen, c.past)
				}
				if elapsed < test.want || elapsed > test.want+time.Second || seen.Elapsed != elapsed {
					t.Errorf("after %v, as told %v, want %v", elapsed, seen.Elapsed, test.want)
				}
			})
		})
	}
}

// kernelClient is a client to which the kernel may copy.
type kernelClient struct {
	*client
	pieces []int64
}

func (c *kernelClient) ReadFrom(r io.Reader) (int64, error) {
	n := r.(*io.LimitedReader).N
	c.pieces = append(c.pieces, n)
	if err := c.wait(c.pace(len(c.pieces), int(n))); err != nil {
		return 0, err
	}
	return io.Copy(c.ResponseRecorder, r)
}

// What the kernel copies goes in pieces, to each of which the limits apply. They are short for a client that is slow.
func TestLimitsWhereTheKernelCopies(t *testing.T) {
	const size = 8 << 20
	name := write(t, t.TempDir(), "f", random(size))
	never := 1000 * time.Hour
	for _, test := range []struct {
		name   string
		limits transfer.Limits
		pace   func(piece, n int) time.Duration
		want   time.Duration // 0: it succeeds
		piece  int64         // the longest after the first
	}{
		{"fast", transfer.Limits{}, func(int, int) time.Duration { return 0 }, 0, 256 << 10},
		{"slow", transfer.Limits{}, func(int, int) time.Duration { return 59 * time.Second }, 0, 16 << 10},
		{"idle", transfer.Limits{}, func(p, _ int) time.Duration {
			if p == 5 {
				return never
			}
			return 0
		}, time.Minute, 256 << 10},
		{"idle after a slow piece", transfer.Limits{Idle: 20 * time.Second}, func(p, _ int) time.Duration {
			if p == 9 {
				return never
			}
			return 10 * time.Second
		}, 100 * time.Second, 16 << 10},
		{"below the lowest rate", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: 10 * time.Second}, // 6.4 s behind after the first, 1.6 s more after each
			func(_, n int) time.Duration { return time.Duration(n) * time.Second / 1024 * 11 / 10 }, 122 * time.Second, 16 << 10},
		{"total", transfer.Limits{Total: 90 * time.Second}, func(int, int) time.Duration { return 20 * time.Second }, 90 * time.Second, 16 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen httpflow.Outcome
				h := httpflow.File(name, httpflow.Options{
					Limits:    test.limits,
					OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o },
				})
				c := &kernelClient{client: newClient(func(int, int) time.Duration { return 0 })}
				c.pace = func(call, n int) time.Duration {
					if len(c.pieces) == 0 {
						return 0
					}
					return test.pace(call, n)
				}
				start := time.Now()
				h.ServeHTTP(c, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
				elapsed := time.Since(start)
				switch {
				case len(c.pieces) < 3 || slices.Max(c.pieces[1:]) != test.piece:
					t.Errorf("pieces of %d", c.pieces)
				case test.want == 0 && (seen.Err != nil || seen.Bytes != size || c.past || c.Body.Len() != size):
					t.Errorf("%+v", seen)
				case test.want > 0 && (!isTimeout(seen.Err) || seen.ClientGone || !c.past || seen.Bytes != int64(c.Body.Len())):
					t.Errorf("%+v, broken off: %v", seen, c.past)
				case test.want > 0 && (elapsed < test.want || elapsed > test.want+time.Second):
					t.Errorf("after %v, want %v; pieces of %d", elapsed, test.want, c.pieces)
				}
			})
		})
	}
}

// The time that the flow itself takes is not held against the client.
func TestLimitsAreForTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen httpflow.Outcome
		h := httpflow.Bytes("f", make([]byte, 1<<20), httpflow.Options{
			Via:       stages.Limit(1 << 10),
			Limits:    transfer.Limits{Idle: time.Second, MinRate: 1 << 20},
			OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o },
		})
		h.ServeHTTP(newClient(func(int, int) time.Duration { return 0 }), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		if seen.Err != nil || seen.Elapsed < 10*time.Minute {
			t.Errorf("%+v", seen)
		}
	})
}

// A client that does not even take an error page is not waited for, whether the page fits into the
// server's buffer or not.
func TestLimitsOfAnswersWithoutContent(t *testing.T) {
	for _, slow := range []struct{ write, flush time.Duration }{{write: time.Hour}, {flush: time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			var seen httpflow.Outcome
			h := httpflow.Bytes("f", nil, httpflow.Options{OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o }})
			c := newClient(func(int, int) time.Duration { return slow.write })
			c.flush = slow.flush
			h.ServeHTTP(c, httptest.NewRequestWithContext(t.Context(), "GET", "/no", nil))
			if seen.Status != 404 || !isTimeout(seen.Err) || seen.Elapsed != time.Minute {
				t.Errorf("%v: %+v", slow, seen)
			}
		})
	}
}

// On the wire: a client that stops reading is cut off, and gets no clean end.
func TestStalledClientIsCutOff(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		name := write(t, t.TempDir(), "f", nil)
		if err := os.Truncate(name, 1<<30); err != nil {
			t.Fatal(err)
		}
		ended := make(chan httpflow.Outcome, 1)
		url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
			Limits:    transfer.Limits{Idle: 50 * time.Millisecond},
			OnRequest: func(_ *http.Request, o httpflow.Outcome) { ended <- o },
		}))
		res := get(t, client, "GET", url)
		if o := <-ended; !isTimeout(o.Err) || o.ClientGone || o.Bytes == 0 || o.Bytes > 1<<29 {
			t.Errorf("%+v", o)
		}
		if n, err := discard(res); err == nil {
			t.Errorf("the client got %d bytes and no error", n)
		}
	})
}
