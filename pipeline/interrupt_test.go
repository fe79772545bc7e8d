package pipeline_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// closing is a reader that waits until it is closed, and then claims to be at its end.
type closing struct {
	closed chan struct{}
	times  int
}

func (c *closing) Read([]byte) (int, error) { <-c.closed; return 0, io.EOF }
func (c *closing) Close() error             { c.times++; close(c.closed); return nil }

// deadlined is a reader that waits for its deadline. It must not be closed.
type deadlined struct {
	passed   chan struct{}
	deadline time.Time
}

func (d *deadlined) Read([]byte) (int, error) { <-d.passed; return 0, os.ErrDeadlineExceeded }
func (d *deadlined) Close() error             { panic("closed") }
func (d *deadlined) SetReadDeadline(t time.Time) error {
	if d.deadline = t; !t.IsZero() {
		close(d.passed)
	}
	return nil
}

// A source that waits in CopyFrom ends when the run is cancelled, when it is stopped, when another node fails, and when the
// context that it has given ends.
func TestCopyFromIsInterrupted(t *testing.T) {
	for name, reader := range map[string]func() (io.Reader, func(t *testing.T)){
		"closed": func() (io.Reader, func(t *testing.T)) {
			c := &closing{closed: make(chan struct{})}
			return c, func(t *testing.T) {
				if c.times != 1 {
					t.Errorf("closed %d times", c.times)
				}
			}
		},
		"deadline": func() (io.Reader, func(t *testing.T)) {
			d := &deadlined{passed: make(chan struct{}), deadline: time.Now()}
			return d, func(t *testing.T) {
				if !d.deadline.IsZero() {
					t.Error("the deadline is not cleared")
				}
			}
		},
		"limited": func() (io.Reader, func(t *testing.T)) {
			c := &closing{closed: make(chan struct{})}
			return io.LimitReader(c, 10), func(*testing.T) {}
		},
		"pipe": func() (io.Reader, func(t *testing.T)) {
			r, _ := io.Pipe()
			return r, func(*testing.T) {}
		},
		"connection": func() (io.Reader, func(t *testing.T)) {
			r, _ := net.Pipe()
			return r, func(*testing.T) {}
		},
	} {
		for _, end := range []struct {
			name string
			sink pipeline.Stage
			want error
		}{
			{"cancelled", pipeline.Stage{}, errCause},
			{"stopped", pipeline.NewStage("stop", func(context.Context, *pipeline.Inlet, *pipeline.Outlet) error {
				time.Sleep(time.Second)
				return pipeline.Enough
			}), nil},
			{"failed", pipeline.NewStage("fail", func(context.Context, *pipeline.Inlet, *pipeline.Outlet) error {
				time.Sleep(time.Second)
				return errBoom
			}), errBoom},
			{"given", pipeline.Stage{}, errOther},
		} {
			bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if end.name == "cancelled" {
					time.AfterFunc(time.Second, func() { cancel(errCause) })
				}
				r, check := reader()
				src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
					ctx, cancel := context.WithCancelCause(ctx)
					defer cancel(nil)
					if end.name == "given" {
						time.AfterFunc(time.Second, func() { cancel(errOther) })
					}
					return out.CopyFrom(ctx, r)
				})
				_, err := src.Via(end.sink).To(discard()).Run(ctx)
				if !errors.Is(err, end.want) || end.want == nil && err != nil {
					t.Errorf("%s, %s: error %v", name, end.name, err)
				}
				check(t)
			})
		}
	}
}

// What has not ended is not closed, and a stage's reader never is.
func TestCopyFromDoesNotClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &closing{closed: make(chan struct{})}
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			return out.CopyFrom(ctx, struct {
				io.Reader
				io.Closer
			}{io.LimitReader(neverEnding{}, 100), c})
		})
		run(t, src.To(discard()), nil)
		decoder := pipeline.NewStage("decoder", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			return out.CopyFrom(ctx, struct {
				io.Reader
				io.Closer
			}{in.Reader(ctx), c})
		})
		run(t, endless("x").Via(decoder).To(readN(10)), nil)
		if c.times > 0 {
			t.Error("the reader was closed")
		}
	})
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }
