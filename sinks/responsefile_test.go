package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// A response from a file is copied by the kernel where that is possible, and nobody can tell.

// file emits n bytes of the file called name, as sources.File does, promises them if it should, and then returns what after
// does.
func file(name string, n int64, promise bool, after func() error) pipeline.Source {
	return pipeline.NewSource("file", func(ctx context.Context, out *pipeline.Outlet) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if promise {
			out.SetSize(n)
		}
		if err := out.CopyFrom(ctx, &io.LimitedReader{R: f, N: n}); err != nil || after == nil {
			return err
		}
		return after()
	})
}

// written makes a file.
func written(t testing.TB, b []byte) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The sizes around which the way changes: what is read first, the tail, the engine's slice.
var fileSizes = []int{0, 1, 3<<10 - 1, 3 << 10, 16<<10 - 1, 16 << 10, 16<<10 + 1, 19 << 10, 19<<10 + 1, 64 << 10, 1<<20 + 1, 9 << 20}

func TestResponseFromFile(t *testing.T) {
	for _, protocol := range protocols {
		for _, how := range []string{"promised", "length", "both", "neither"} {
			t.Run(protocol+"/"+how, func(t *testing.T) {
				for _, n := range fileSizes {
					data := pattern(n)
					name := written(t, data)
					reports := make(chan pipeline.Report, 1)
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						if how == "length" || how == "both" {
							w.Header().Set("Content-Length", fmt.Sprint(n))
						}
						report, err := file(name, int64(n), how == "promised" || how == "both", nil).To(sinks.Response(w)).Run(r.Context())
						if err != nil {
							t.Error(err)
						}
						reports <- report
					})
					for range 2 { // the connection is good for another request
						resp, err := client.Get(srv.URL)
						if err != nil {
							t.Fatal(err)
						}
						got, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						if err != nil {
							t.Errorf("%d bytes: %v", n, err)
						}
						same(t, "body", data, got)
						if how != "neither" && resp.ContentLength != int64(n) {
							t.Errorf("Content-Length %d, want %d", resp.ContentLength, n)
						}
						report := <-reports
						if got := report.Channels[0].Bytes; got != int64(n) {
							t.Errorf("%d bytes passed, want %d", got, n)
						}
					}
				}
				noLeak(t)
			})
		}
	}
}

// pieces is a ResponseWriter that notes what it is to take from a file.
type pieces struct {
	http.ResponseWriter
	from  []string
	sizes []int64
	take  func(r io.Reader) (int64, error) // nil: the ResponseWriter's own
}

func (p *pieces) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *pieces) ReadFrom(r io.Reader) (int64, error) {
	l := r.(*io.LimitedReader)
	p.from, p.sizes = append(p.from, fmt.Sprintf("%T", l.R)), append(p.sizes, l.N)
	if p.take != nil {
		return p.take(r)
	}
	return p.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

// The ResponseWriter gets to see the file itself, in pieces, after the first bytes and before the tail.
func TestResponseLendsTheFile(t *testing.T) {
	const n = 4 << 20
	name := written(t, pattern(n))
	seen := make(chan *pieces, 1)
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		p := &pieces{ResponseWriter: w}
		flow := file(name, n, true, nil).To(sinks.Response(p))
		flow.Buffer = 64 << 10 // so much may have come in chunks before the sink waits
		if _, err := flow.Run(r.Context()); err != nil {
			t.Error(err)
		}
		seen <- p
	})
	if ok, what := outcome(client, srv.URL); !ok {
		t.Error(what)
	}
	p := <-seen
	var sum int64
	for _, size := range p.sizes {
		sum += size
	}
	if len(p.sizes) == 0 || slices.Max(p.sizes) > 256<<10 || sum > n-16<<10 || sum < n-16<<10-256<<10 {
		t.Errorf("pieces of %d, %d in all", p.sizes, sum)
	}
	if want := slices.Repeat([]string{"*os.File"}, len(p.from)); !cmp.Equal(want, p.from) {
		t.Errorf("from %s", p.from)
	}
}

// Only what waits for nobody is lent: the bytes of a pipe are flushed as they come.
func TestResponseLendsNoPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const n = 40_000
	go func() {
		defer w.Close()
		_, _ = w.Write(pattern(n))
	}()
	srv, client := serve(t, "h1", func(w http.ResponseWriter, req *http.Request) {
		p := &pieces{ResponseWriter: w}
		src := pipeline.NewSource("pipe", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(n)
			return out.CopyFrom(ctx, r)
		})
		if _, err := src.To(sinks.Response(p)).Run(req.Context()); err != nil || len(p.sizes) > 0 {
			t.Errorf("pieces of %d, %v", p.sizes, err)
		}
	})
	if ok, what := outcome(client, srv.URL); !ok {
		t.Error(what)
	}
}

// S21, S37 for files: no failure looks like the end, and the file is to blame for what it lacks.
func TestResponseFromFileFailureIsNoEnd(t *testing.T) {
	const n = 1 << 20
	data := pattern(n + 100)
	for _, protocol := range protocols {
		for _, test := range []struct {
			name    string
			size    int   // of the file
			length  int64 // of the response, which the handler sets; 0: it does not
			promise bool
			late    error
			node    string
			want    error
		}{
			{"one byte", 1, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"less than is read first", 3000, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"as much as is read first", 3 << 10, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"less", 300_000, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"all but the tail", n - 16<<10, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"half the tail", n - 8<<10, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"all but a byte", n - 1, 0, true, nil, "file", io.ErrUnexpectedEOF},
			{"less than the handler says", n - 1, n, false, nil, "response", io.ErrUnexpectedEOF},
			{"more than the handler says", n + 1, n - 1, false, nil, "response", io.ErrUnexpectedEOF},
			{"late", n, 0, true, errTest, "file", errTest},
			{"late, and not promised", n, n, false, errTest, "file", errTest},
		} {
			t.Run(protocol+"/"+test.name, func(t *testing.T) {
				name := written(t, data[:test.size])
				ran := make(chan error, 1)
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					if test.length > 0 {
						w.Header().Set("Content-Length", fmt.Sprint(test.length))
					}
					_, err := file(name, n, test.promise, func() error { return test.late }).To(sinks.Response(w)).Run(r.Context())
					ran <- err
					http.Error(w, "no luck", 500)
				})
				if ok, what := outcome(client, srv.URL); ok {
					t.Errorf("a complete response: %s", what)
				}
				var e *pipeline.Error
				if err := <-ran; !errors.Is(err, test.want) || !errors.As(err, &e) || e.Node != test.node {
					t.Errorf("got %v, want %v of %s", err, test.want, test.node)
				}
				noLeak(t)
			})
		}
	}
}

// endsRequest is a writer whose deadline in the past ends the request's context, as on HTTP/2.
type endsRequest struct {
	http.ResponseWriter
	end context.CancelFunc
}

func (w endsRequest) SetWriteDeadline(t time.Time) error {
	w.end()
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// The first cause wins: that the response is broken off, and the request's context ends, follows from the
// failure of the sink.
func TestResponseFailureIsTheCause(t *testing.T) {
	for _, protocol := range protocols {
		for range 20 {
			ran := make(chan error, 1)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				w.Header().Set("Content-Length", "60000")
				_, err := stream(pattern(100_000), -1, 1000, nil).To(sinks.Response(endsRequest{w, cancel})).Run(ctx)
				ran <- err
			})
			if ok, what := outcome(client, srv.URL); ok {
				t.Errorf("%s: a complete response: %s", protocol, what)
			}
			var e *pipeline.Error
			if err := <-ran; !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &e) || e.Node != "response" {
				t.Fatalf("%s: got %v, want the failure of response", protocol, err)
			}
			noLeak(t)
		}
	}
}

// The status waits for the first bytes: nothing is written when there are none.
func TestResponseFromFileUntouched(t *testing.T) {
	for _, protocol := range protocols {
		name := written(t, nil)
		srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
			_, err := file(name, 1<<20, true, nil).To(sinks.ResponseWith(w, sinks.ResponseOptions{Status: 206})).Run(r.Context())
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
			http.Error(w, "no luck", http.StatusTeapot)
		})
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusTeapot || string(b) != "no luck\n" {
			t.Errorf("%s: got %s %q %v", protocol, resp.Status, b, err)
		}
	}
}

// Bytes that a ResponseWriter has read and not written leave a hole, even if it could write again.
func TestResponseWithAHole(t *testing.T) {
	const n = 1 << 20
	name := written(t, pattern(2*n)) // long enough to make up for what is lost
	ran := make(chan error, 1)
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		p := &pieces{ResponseWriter: w, take: func(r io.Reader) (int64, error) {
			_, _ = io.CopyN(io.Discard, r, 1000)
			return 0, errTest
		}}
		flow := file(name, n, true, nil).To(sinks.Response(p))
		flow.Buffer = 64 << 10
		_, err := flow.Run(r.Context())
		ran <- err
	})
	if ok, what := outcome(client, srv.URL); ok {
		t.Errorf("a complete response: %s", what)
	}
	var e *pipeline.Error
	if err := <-ran; !errors.Is(err, errTest) || !errors.As(err, &e) || e.Node != "response" {
		t.Errorf("got %v, want %v of the response", err, errTest)
	}
}

// S22 for files: the client does not read; the cancelled run returns with its own cause.
func TestResponseFromFileCancelled(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			const n = 1 << 30
			name := written(t, nil)
			if err := os.Truncate(name, n); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			ran := make(chan error, 1)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				_, err := file(name, n, true, nil).To(sinks.Response(w)).Run(ctx)
				ran <- err
			})
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			cancel(errTest)
			if err := <-ran; err != errTest {
				t.Errorf("Run returned %v, want the cause", err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("the client got a complete response of %d bytes", n)
			}
			resp.Body.Close()
			noLeak(t)
		})
	}
}

// halting is a file that seems to end once.
type halting struct {
	*os.File
	reads int
}

func (h *halting) Read(b []byte) (int, error) {
	if h.reads++; h.reads == 2 {
		return 0, io.EOF
	}
	return h.File.Read(b[:min(len(b), 8<<10)])
}

// A tail that was cut short and goes on after all is not put together from its halves.
func TestResponseFromFileThatGrowsAgain(t *testing.T) {
	const n = 16 << 10
	name := written(t, pattern(n))
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		src := pipeline.NewSource("file", func(ctx context.Context, out *pipeline.Outlet) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			out.SetSize(n)
			return out.CopyFrom(ctx, &io.LimitedReader{R: &halting{File: f}, N: n})
		})
		if _, err := src.To(sinks.Response(w)).Run(r.Context()); err == nil {
			t.Error("the run succeeded")
		}
		http.Error(w, "no luck", 500)
	})
	if ok, what := outcome(client, srv.URL); ok {
		t.Errorf("a complete response: %s", what)
	}
}
