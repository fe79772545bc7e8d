package tus_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// inBubble serves a handler in memory, in a bubble of testing/synctest.
func inBubble(t *testing.T, handler http.Handler) *http.Client {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	var group sync.WaitGroup
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		group.Add(1)
		defer group.Done()
		handler.ServeHTTP(w, r)
	})}
	group.Go(func() { srv.Serve(l) })
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		select {
		case l.conns <- server:
			return client, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		srv.Close()
		group.Wait()
	})
	return &http.Client{Transport: tr}
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// How long a retry waits: Retry-After, at most MaxWait, and the backoff otherwise.
func TestTusWaits(t *testing.T) {
	for _, test := range []struct {
		after    string
		longest  time.Duration
		min, max time.Duration
	}{
		{"20", 0, 20 * time.Second, 20 * time.Second},
		{"3600", 0, 2 * time.Minute, 2 * time.Minute},
		{"3600", time.Second, time.Second, time.Second},
		{"3600", -1, time.Hour, time.Hour},
		{"", 0, 0, 500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &tusStore{fault: func(method string, n int, w http.ResponseWriter, r *http.Request) bool {
				if method != http.MethodPatch || n > 0 {
					return false
				}
				if test.after != "" {
					w.Header().Set("Retry-After", test.after)
				}
				w.WriteHeader(429)
				return true
			}}
			var told time.Duration
			start := time.Now()
			_, err := stream(pattern(50), 50, 5, nil).To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store), Retry: transfer.Retry{MaxWait: test.longest, OnRetry: func(n int, wait time.Duration, cause error) {
				told = wait
				if status := (*transfer.StatusError)(nil); n != 1 || !errors.As(cause, &status) || status.Status != 429 {
					t.Errorf("OnRetry: %d %v", n, cause)
				}
			}}})).Run(t.Context())
			if took := time.Since(start); err != nil || took < test.min || took > test.max || told != took {
				t.Errorf("%+v: after %v (%v): %v", test, took, told, err)
			}
		})
	}
}

// A server that says nothing is tried again, so often and so long.
func TestTusLimits(t *testing.T) {
	hang := func(methods ...string) http.Handler {
		return &tusStore{fault: func(method string, _ int, _ http.ResponseWriter, r *http.Request) bool {
			if slices.Contains(methods, method) {
				io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
				return true
			}
			return false
		}}
	}
	for _, test := range []struct {
		name    string
		handler http.Handler
		opts    tus.Options
		limit   string
		after   time.Duration
	}{
		{"options", hang("OPTIONS", "POST"), tus.Options{Retry: transfer.Retry{Attempts: 1}}, "idle", 70 * time.Second},
		{"answer", hang("PATCH"), tus.Options{Retry: transfer.Retry{Attempts: 1}}, "answer", 10 * time.Minute},
		{"post", hang("POST"), tus.Options{Limits: transfer.Limits{Idle: 7 * time.Second}, Retry: transfer.Retry{Attempts: 3, MaxWait: 1}}, "idle", 21 * time.Second},
		{"patch", hang("PATCH"), tus.Options{Limits: transfer.Limits{Answer: 7 * time.Second}, Retry: transfer.Retry{Attempts: 3, MaxWait: 1}}, "answer", 21 * time.Second},
		{"head", hang("PATCH", "HEAD"), tus.Options{Limits: transfer.Limits{Idle: 7 * time.Second, Answer: 7 * time.Second}, Retry: transfer.Retry{Attempts: 3, MaxWait: 1}}, "idle", 21 * time.Second},
		{"total", hang("PATCH", "HEAD"), tus.Options{Limits: transfer.Limits{Idle: -1, Answer: -1, Total: time.Hour}}, "total", time.Hour},
		{"delete", hang("PATCH", "DELETE"), tus.Options{Limits: transfer.Limits{Idle: -1, Answer: -1, Total: time.Hour}}, "total", time.Hour + 10*time.Second},
	} {
		for _, n := range []int{50, 100_000} { // in the last step, and before
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					test.opts.Client = inBubble(t, test.handler)
					start := time.Now()
					_, err := stream(pattern(n), int64(n), 5000, nil).To(tus.UploadWith("http://host/", test.opts)).Run(t.Context())
					wantTimeout(t, err, test.limit, test.limit != "total")
					if took := time.Since(start); took < test.after || took > test.after+time.Second {
						t.Errorf("after %v: %v", took, err)
					}
				})
			})
		}
	}
}

// A server that does not say what it supports costs ten seconds, and no retry.
func TestTusSilentAboutSupport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		store := &tusStore{fault: func(method string, _ int, _ http.ResponseWriter, r *http.Request) bool {
			if method == http.MethodOptions {
				asked++
				<-r.Context().Done()
			}
			return method == http.MethodOptions
		}}
		start := time.Now()
		retry := transfer.Retry{OnRetry: func(int, time.Duration, error) { t.Error("retried") }}
		_, err := stream(pattern(50), 50, 5, nil).To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store), Retry: retry})).Run(t.Context())
		if took := time.Since(start); err != nil || took != 10*time.Second || asked != 1 {
			t.Errorf("after %v and %d questions: %v", took, asked, err)
		}
	})
}

// An interim answer restarts the wait for the final one.
func TestTusInterimAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tusStore{fault: func(method string, _ int, w http.ResponseWriter, r *http.Request) bool {
			if method == http.MethodPatch {
				b, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(b))
				for range 20 {
					time.Sleep(6 * time.Second)
					w.WriteHeader(http.StatusProcessing)
				}
			}
			return false
		}}
		opts := tus.Options{Client: inBubble(t, store), Limits: transfer.Limits{Answer: 7 * time.Second}, Retry: transfer.Retry{Attempts: 1}}
		if _, err := stream(pattern(50), 50, 5, nil).To(tus.UploadWith("http://host/", opts)).Run(t.Context()); err != nil {
			t.Error(err)
		}
		if got, _ := store.published(); len(got) != 50 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// Total is one span: what the stream has taken is not there for the last step.
func TestTusTotalSpansTheLastStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tusStore{fault: func(method string, _ int, _ http.ResponseWriter, r *http.Request) bool {
			if method != http.MethodPatch {
				return false
			}
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}}
		slow := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(50)
			if err := out.Send(ctx, pipeline.ChunkOf(pattern(50))); err != nil {
				return err
			}
			time.Sleep(40 * time.Minute)
			return nil
		})
		start := time.Now()
		_, err := slow.To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store), Limits: transfer.Limits{Idle: -1, Total: time.Hour}})).Run(t.Context())
		wantTimeout(t, err, "total", false)
		if took := time.Since(start); took < time.Hour || took > time.Hour+time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// A server that takes a byte a second lags behind, one request after the other.
func TestTusMinRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tusStore{}
		store.fault = func(method string, _ int, w http.ResponseWriter, r *http.Request) bool {
			for method == http.MethodPatch {
				time.Sleep(time.Second)
				if _, err := r.Body.Read(make([]byte, 1)); err != nil {
					return true
				}
			}
			return false
		}
		_, err := stream(pattern(100_000), -1, 5000, nil).To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store), Limits: transfer.Limits{Idle: -1, MinRate: 10}, Retry: transfer.Retry{Attempts: 2}})).Run(t.Context())
		wantTimeout(t, err, "rate", true)
	})
}

// A source that has nothing for hours does no harm.
func TestTusSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tusStore{}
		slow := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 20 {
				if err := out.Send(ctx, pipeline.ChunkOf(pattern(1000))); err != nil {
					return err
				}
				time.Sleep(time.Hour)
			}
			return nil
		})
		if _, err := slow.To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store), Limits: transfer.Limits{MinRate: 1 << 20}})).Run(t.Context()); err != nil {
			t.Error(err)
		}
		if got, _ := store.published(); len(got) != 20_000 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// A run that is cancelled while the upload is created waits a moment for its URL, to remove it.
func TestTusCancelledWhileCreating(t *testing.T) {
	for pause, want := range map[time.Duration]int{500 * time.Millisecond: 1, time.Hour: 0} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			store := &tusStore{fault: func(method string, _ int, _ http.ResponseWriter, r *http.Request) bool {
				if method == http.MethodPost {
					cancel(errTest)
					select {
					case <-time.After(pause):
					case <-r.Context().Done():
					}
				}
				return false
			}}
			start := time.Now()
			_, err := stream(pattern(50), 50, 5, nil).To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store)})).Run(ctx)
			if took := time.Since(start); err != errTest || took > time.Second || store.removed != want {
				t.Errorf("%v: after %v: %v; %d were removed", pause, took, err, store.removed)
			}
		})
	}
}

// A server that says nothing holds the last step of a cancelled run for Grace, and no longer: to publish as to remove.
func TestTusGrace(t *testing.T) {
	for _, method := range []string{"PATCH", "DELETE"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			var cancelled time.Time
			store := &tusStore{fault: func(m string, _ int, w http.ResponseWriter, r *http.Request) bool {
				switch {
				case m == http.MethodPatch && method == "DELETE":
					w.WriteHeader(403)
					return true
				case m != method:
					return false
				}
				io.Copy(io.Discard, r.Body)
				cancelled = time.Now()
				cancel(errTest)
				<-r.Context().Done()
				return true
			}}
			p := stream(pattern(50), 50, 5, nil).To(tus.UploadWith("http://host/", tus.Options{Client: inBubble(t, store)}))
			p.Grace = 7 * time.Second
			_, err := p.Run(ctx)
			if took := time.Since(cancelled); !errors.Is(err, errTest) || took < 7*time.Second || took > 8*time.Second {
				t.Errorf("%s: after %v: %v", method, took, err)
			}
		})
	}
}
