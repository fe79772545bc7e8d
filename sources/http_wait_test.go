package sources_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// bubble runs f in virtual time.
func bubble(t *testing.T, answer answerer, f func(t *testing.T, client *http.Client, s *raw)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, s := piped(t, answer)
		f(t, client, s)
	})
}

// dribble writes body with a pause before every byte.
func dribble(pause time.Duration, head, body string) answerer {
	return func(_ int, _ *http.Request, w net.Conn) {
		io.WriteString(w, lines(head, ""))
		for i := range len(body) {
			time.Sleep(pause)
			if _, err := io.WriteString(w, body[i:i+1]); err != nil {
				return
			}
		}
	}
}

// silent reads until the client is gone.
func silent(_ int, _ *http.Request, w net.Conn) { io.Copy(io.Discard, w) }

// S62: a server that says nothing: no answer, half a header, no body, a body that stops.
func TestHTTPIdle(t *testing.T) {
	for name, begin := range map[string]string{
		"no answer": "", "half a header": "HTTP/1.1 200 OK\r\nContent-Le", "no body": lines("HTTP/1.1 200 OK\nContent-Length: 10", ""),
		"a body that stops": lines("HTTP/1.1 200 OK\nContent-Length: 10", "0123"), "chunked": lines("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "1\r\n0\r\n"),
	} {
		for limit, want := range map[time.Duration]time.Duration{0: time.Minute, 7 * time.Second: 7 * time.Second} {
			bubble(t, func(n int, r *http.Request, w net.Conn) {
				io.WriteString(w, begin)
				silent(n, r, w)
			}, func(t *testing.T, client *http.Client, _ *raw) {
				start := time.Now()
				g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Limits: transfer.Limits{Idle: limit}, Retry: transfer.Retry{Attempts: 1}}))
				e := as[*transfer.TimeoutError](t, g.err)
				as[*transfer.NetworkError](t, g.err)
				if e.Limit != "idle" || e.After != want || time.Since(start) != want || !errors.Is(g.err, context.DeadlineExceeded) {
					t.Errorf("%s: after %v: %v", name, time.Since(start), g.err)
				}
			})
		}
	}
}

// S62: what comes before the limit resets it, and the whole may take longer.
func TestHTTPNotIdle(t *testing.T) {
	bubble(t, dribble(59*time.Second, firstHead, "0123456789"), func(t *testing.T, client *http.Client, _ *raw) {
		start := time.Now()
		g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Retry: transfer.Retry{Attempts: 1}}))
		if g.err != nil || g.data != "0123456789" || time.Since(start) != 590*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), g)
		}
	})
	// A negative limit is none.
	bubble(t, dribble(100*time.Hour, firstHead, "0123456789"), func(t *testing.T, client *http.Client, _ *raw) {
		g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Limits: transfer.Limits{Idle: -1}, Retry: transfer.Retry{Attempts: 1}}))
		if g.err != nil || g.data != "0123456789" {
			t.Errorf("%+v", g)
		}
	})
}

// S62: a server that never stops and never comes to an end.
func TestHTTPMinRate(t *testing.T) {
	body := strings.Repeat("x", 1000)
	head := "HTTP/1.1 200 OK\nContent-Length: 1000"
	for _, tt := range []struct {
		pause  time.Duration // per byte
		window time.Duration
		after  time.Duration // 0: it is quick enough
	}{
		{time.Second, 0, 0},                                  // the very rate
		{500 * time.Millisecond, 0, 0},                       // twice
		{2 * time.Second, 0, 60 * time.Second},               // half of it lags by a window after two
		{2 * time.Second, 5 * time.Second, 11 * time.Second}, // the fifth byte comes at 10 s, the lag is 5 s at 11 s: four bytes and a wait of one second more
		{time.Hour, 0, 30 * time.Second},
	} {
		bubble(t, dribble(tt.pause, head, body), func(t *testing.T, client *http.Client, _ *raw) {
			start := time.Now()
			g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Limits: transfer.Limits{MinRate: 1, MinRateWindow: tt.window}, Retry: transfer.Retry{Attempts: 1}}))
			took := time.Since(start)
			if tt.after == 0 {
				if g.err != nil || g.data != body {
					t.Errorf("%+v: %v", tt, g.err)
				}
				return
			}
			if e := as[*transfer.TimeoutError](t, g.err); e.Limit != "rate" || took < tt.after-2*tt.pause || took > tt.after+2*time.Second {
				t.Errorf("%+v: after %v: %v", tt, took, g.err)
			}
		})
	}
}

// The wait for an answer is no lag of the body behind its rate.
func TestHTTPMinRateAfterSlowAnswer(t *testing.T) {
	bubble(t, func(_ int, _ *http.Request, w net.Conn) {
		time.Sleep(59 * time.Second)
		io.WriteString(w, lines("HTTP/1.1 200 OK\nContent-Length: 2", ""))
		for range 2 {
			time.Sleep(time.Second)
			io.WriteString(w, "x")
		}
	}, func(t *testing.T, client *http.Client, _ *raw) {
		g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Limits: transfer.Limits{MinRate: 1}, Retry: transfer.Retry{Attempts: 1}}))
		if g.err != nil || g.data != "xx" {
			t.Errorf("%+v", g)
		}
	})
}

// A flow that does not take the bytes is not the server's fault.
func TestHTTPSlowFlow(t *testing.T) {
	body := strings.Repeat("x", 100_000)
	bubble(t, func(_ int, _ *http.Request, w net.Conn) {
		io.WriteString(w, lines("HTTP/1.1 200 OK\nContent-Length: 100000", body))
	}, func(t *testing.T, client *http.Client, s *raw) {
		n := 0
		slow := pipeline.NewSink("slow", func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				n += c.Len()
				c.Release()
				time.Sleep(time.Hour)
			}
			return nil
		})
		flow := sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Limits: transfer.Limits{MinRate: 1}, Retry: transfer.Retry{Attempts: 1}}).To(slow)
		flow.ChunkSize, flow.Buffer = 10_000, 10_000
		if _, err := flow.Run(t.Context()); err != nil || n != len(body) || len(s.requests()) != 1 {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

func TestHTTPTotal(t *testing.T) {
	for name, answer := range map[string]answerer{
		"body": dribble(time.Second, "HTTP/1.1 200 OK\nContent-Length: 1000", strings.Repeat("x", 1000)),
		"busy": answers(lines("HTTP/1.1 503 X\nRetry-After: 7\nContent-Length: 0", "")), "silent": silent,
	} {
		bubble(t, answer, func(t *testing.T, client *http.Client, _ *raw) {
			start := time.Now()
			g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Limits: transfer.Limits{Idle: -1, Total: 100 * time.Second}, Retry: transfer.Retry{Attempts: 1001}}))
			var network *transfer.NetworkError
			if e := as[*transfer.TimeoutError](t, g.err); e.Limit != "total" || errors.As(g.err, &network) || time.Since(start) != 100*time.Second {
				t.Errorf("%s: after %v: %v", name, time.Since(start), g.err)
			}
		})
	}
}

// RFC 9110 section 10.2.3: Retry-After in seconds and as a date, and at most MaxWait of it.
func TestHTTPRetryAfter(t *testing.T) {
	const date = "Date: Tue, 15 Nov 1994 08:12:31 GMT\n" // the server's clock is another
	for _, tt := range []struct {
		headers  string
		longest  time.Duration
		min, max time.Duration
	}{
		{"Retry-After: 20", 0, 20 * time.Second, 20 * time.Second},
		{"Retry-After: 3600", 0, 2 * time.Minute, 2 * time.Minute},
		{"Retry-After: 3600", time.Hour, time.Hour, time.Hour},
		{"Retry-After: 3600", time.Second, time.Second, time.Second},
		{"Retry-After: 3600", -1, time.Hour, time.Hour},
		{"Retry-After: 99999999999999999999", 0, 2 * time.Minute, 2 * time.Minute},
		{"Retry-After: 9999999999999", 0, 2 * time.Minute, 2 * time.Minute},
		{date + "Retry-After: Tue, 15 Nov 1994 08:13:01 GMT", 0, 30 * time.Second, 30 * time.Second},
		{date + "Retry-After: Tue, 15 Nov 1994 08:12:01 GMT", 0, 0, 500 * time.Millisecond},
		{"Retry-After: Sat, 01 Jan 2000 00:00:45 GMT", 0, 45 * time.Second, 45 * time.Second}, // the bubble's clock
		{"Retry-After: 0", 0, 0, 500 * time.Millisecond},
		{"Retry-After: -5", 0, 0, 500 * time.Millisecond},
		{"Retry-After: soon", 0, 0, 500 * time.Millisecond},
	} {
		for _, status := range []int{429, 503} {
			answer := answers(lines(fmt.Sprintf("HTTP/1.1 %d X\n%s\nContent-Length: 0", status, tt.headers), ""), lines("HTTP/1.1 200 OK\nContent-Length: 4", "weir"))
			bubble(t, answer, func(t *testing.T, client *http.Client, _ *raw) {
				var wait time.Duration
				start := time.Now()
				g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Retry: transfer.Retry{MaxWait: tt.longest, OnRetry: func(_ int, d time.Duration, cause error) {
					wait = d
					if e := as[*transfer.StatusError](t, cause); e.Status != status {
						t.Error(cause)
					}
				}}}))
				if took := time.Since(start); g.err != nil || g.data != "weir" || took != wait || took < tt.min || took > tt.max {
					t.Errorf("%+v: after %v: %+v", tt, took, g)
				}
			})
		}
	}
}

// The waits grow, and are spread over their whole span.
func TestHTTPBackoff(t *testing.T) {
	const n, runs = 9, 300
	var sum [n]time.Duration
	bubble(t, answers(""), func(t *testing.T, client *http.Client, s *raw) {
		for range runs {
			fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client, Retry: transfer.Retry{Attempts: n + 1, OnRetry: func(i int, d time.Duration, _ error) {
				sum[i-1] += d
				if span := min(500*time.Millisecond<<(i-1), 30*time.Second); d < 0 || d > span {
					t.Errorf("wait %d is %v", i, d)
				}
			}}}))
		}
		if len(s.requests()) != runs*(n+1) {
			t.Errorf("%d requests", len(s.requests()))
		}
	})
	for i, s := range sum {
		// The mean of a uniform span is its half; with 300 of them it is off by a fifth of that
		// once in a billion times.
		span := min(500*time.Millisecond<<i, 30*time.Second)
		if mean := s / runs; mean < span*4/10 || mean > span*6/10 {
			t.Errorf("wait %d is %v on average, want about %v", i+1, mean, span/2)
		}
	}
}

// The end of the run interrupts every wait without any time going by.
func TestHTTPIsInterruptedAtOnce(t *testing.T) {
	cause := errors.New("cause")
	for name, answer := range map[string]answerer{
		"answer": silent,
		"body":   func(n int, r *http.Request, w net.Conn) { io.WriteString(w, lines(firstHead, "0123")); silent(n, r, w) },
		"retry":  answers(lines("HTTP/1.1 503 X\nRetry-After: 60\nContent-Length: 0", "")),
		"refusal": func(n int, r *http.Request, w net.Conn) {
			io.WriteString(w, lines("HTTP/1.1 404 X\nContent-Length: 10", "0123"))
			silent(n, r, w)
		},
	} {
		bubble(t, answer, func(t *testing.T, client *http.Client, _ *raw) {
			ctx, cancel := context.WithCancelCause(t.Context())
			start := time.Now()
			done := make(chan got, 1)
			go func() { done <- fetch(ctx, sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client})) }()
			synctest.Wait()
			cancel(cause)
			if g := <-done; g.err != cause || time.Since(start) != 0 {
				t.Errorf("%s: after %v: %v", name, time.Since(start), g.err)
			}
		})
	}
}

// The text of a refusal does not hold up its status for long.
func TestHTTPRefusalIsSlow(t *testing.T) {
	bubble(t, dribble(300*time.Millisecond, "HTTP/1.1 404 X\nContent-Length: 1000", strings.Repeat("x", 1000)), func(t *testing.T, client *http.Client, _ *raw) {
		start := time.Now()
		g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client}))
		if e := as[*transfer.StatusError](t, g.err); string(e.Body) != "xxx" || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), g.err)
		}
	})
}
