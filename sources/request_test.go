package sources_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// protocols are what requests come over.
var protocols = []string{"h1", "h1+tls", "h2", "h2c"}

// serve starts a server on a real socket, and returns it with a client that speaks the protocol to it.
func serve(t testing.TB, protocol string, handler http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	switch protocol {
	case "h1":
		transport.Protocols.SetHTTP1(true)
		srv.Start()
	case "h1+tls":
		transport.Protocols.SetHTTP1(true)
		srv.StartTLS()
	case "h2":
		transport.Protocols.SetHTTP2(true)
		srv.EnableHTTP2 = true
		srv.StartTLS()
	case "h2c":
		transport.Protocols.SetUnencryptedHTTP2(true)
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
		srv.Start()
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv, &http.Client{Transport: transport}
}

// upload returns a request with the body.
func upload(t testing.TB, url string, body io.Reader, length int64) *http.Request {
	t.Helper()
	closer, ok := body.(io.ReadCloser) // a body that waits must be one, or the client waits with it
	if !ok {
		closer = io.NopCloser(body)
	}
	req, err := http.NewRequest(http.MethodPut, url, closer)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	return req
}

func TestRequest(t *testing.T) {
	for _, protocol := range protocols {
		for _, n := range []int{0, 1, 100, 16 << 10, 16<<10 + 1, 1 << 20} {
			for _, promised := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%d/promised=%v", protocol, n, promised), func(t *testing.T) {
					want := text(n)
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						source := sources.Request(w, r)
						got, size, err := drain(r.Context(), source)
						if !bytes.Equal(want, got) || err != nil {
							t.Errorf("%d bytes, %v", len(got), err)
						}
						if wantSize := r.ContentLength; size != wantSize {
							t.Errorf("size %d, want %d", size, wantSize)
						}
						if _, err := source.To(sinks.Discard()).Run(r.Context()); !errors.Is(err, pipeline.ErrSingleUse) {
							t.Errorf("second run: %v", err) // S25
						}
						if _, ok := w.Header()["Connection"]; ok {
							t.Error("the connection would be closed")
						}
					})
					for range 2 {
						length := int64(-1)
						if promised {
							length = int64(n)
						}
						resp, err := client.Do(upload(t, srv.URL, bytes.NewReader(want), length))
						if err != nil {
							t.Fatal(err)
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				})
			}
		}
	}
}

// S03: the client breaks off.
func TestRequestBrokenOff(t *testing.T) {
	for _, protocol := range protocols {
		for _, length := range []int64{-1, 100_000} {
			t.Run(fmt.Sprintf("%s/%d", protocol, length), func(t *testing.T) {
				ran := make(chan error, 1)
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					_, err := sources.Request(w, r).To(sinks.Discard()).Run(context.Background())
					ran <- err
				})
				body, w := io.Pipe()
				go func() {
					w.Write(text(50_000))
					w.CloseWithError(errors.New("the disk is gone"))
				}()
				if resp, err := client.Do(upload(t, srv.URL, body, length)); err == nil {
					t.Errorf("got %s", resp.Status)
				}
				err := <-ran
				var e *pipeline.Error
				if !errors.As(err, &e) || e.Node != "request" {
					t.Errorf("got %v", err)
				}
				if strings.HasPrefix(protocol, "h1") && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got %v, want an unexpected EOF", err)
				}
			})
		}
	}
}

// watchedBody tells of each Read of a body, before it begins.
type watchedBody struct {
	io.ReadCloser
	reads chan<- struct{}
}

func (b watchedBody) Read(p []byte) (int, error) {
	b.reads <- struct{}{}
	return b.ReadCloser.Read(p)
}

// S14: a read that waits for the client is interrupted, and the handler's answer reaches it.
func TestRequestIsInterrupted(t *testing.T) {
	cause := errors.New("the owner has left")
	for _, protocol := range protocols {
		for _, length := range []int64{-1, 100_000} {
			for _, stop := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/stop=%v", protocol, length, stop), func(t *testing.T) {
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						ctx, cancel := context.WithCancelCause(r.Context())
						defer cancel(nil)
						reads := make(chan struct{}, 100)
						r.Body = watchedBody{r.Body, reads}
						sink := pipeline.NewSink("first", func(ctx context.Context, in *pipeline.Inlet) error {
							c, err := in.Next(ctx)
							if err != nil {
								return err
							}
							c.Release()
							<-reads
							<-reads // the source waits again
							if stop {
								return pipeline.Enough
							}
							cancel(cause)
							_, err = in.Next(ctx)
							return err
						})
						_, err := sources.Request(w, r).To(sink).Run(ctx)
						if stop && err != nil || !stop && err != cause {
							t.Errorf("got %v", err)
						}
						http.Error(w, "enough", http.StatusTeapot)
					})
					body, w := io.Pipe()
					defer w.Close()
					go w.Write(text(5))
					resp, err := client.Do(upload(t, srv.URL, body, length))
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusTeapot || string(b) != "enough\n" || err != nil {
						t.Errorf("got %s %q %v", resp.Status, b, err)
					}
				})
			}
		}
	}
}

// A client that is sending all the time gets to see why nobody listens.
func TestRequestRefusedWhileSending(t *testing.T) {
	full := errors.New("disk full")
	for _, protocol := range protocols {
		for _, length := range []int64{-1, 1 << 40} {
			t.Run(fmt.Sprintf("%s/%d", protocol, length), func(t *testing.T) {
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					sink := pipeline.NewSink("disk", func(ctx context.Context, in *pipeline.Inlet) error {
						for range 3 {
							c, err := in.Next(ctx)
							if err != nil {
								return err
							}
							c.Release()
						}
						return full
					})
					if _, err := sources.Request(w, r).To(sink).Run(r.Context()); !errors.Is(err, full) {
						t.Errorf("got %v", err)
					}
					http.Error(w, "full", http.StatusInsufficientStorage)
				})
				endless := pipeline.NewSource("endless", func(ctx context.Context, out *pipeline.Outlet) error {
					if length >= 0 {
						out.SetSize(length)
					}
					for {
						if err := out.Send(ctx, pipeline.NewChunk(4096)); err != nil {
							return err
						}
					}
				})
				req, _ := http.NewRequest(http.MethodPut, srv.URL, nil)
				_, err := endless.To(sinks.HTTP(client, req)).Run(t.Context())
				var e *transfer.StatusError
				if !errors.As(err, &e) || e.Status != http.StatusInsufficientStorage {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// The server reads on a little before it closes: an abrupt close could destroy the answer on its way. That
// works while the client sends; on a busy machine it pauses now and then, so not every try counts.
func TestRequestRefusalIsNotReset(t *testing.T) {
	srv, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		one := pipeline.NewSink("one", func(ctx context.Context, in *pipeline.Inlet) error {
			c, _ := in.Next(ctx)
			c.Release()
			return errors.New("disk full")
		})
		if _, err := sources.Request(w, r).To(one).Run(r.Context()); err == nil {
			t.Error("the run succeeded")
		}
		http.Error(w, "full", http.StatusInsufficientStorage)
	})
	var undisturbed atomic.Int32
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, err = io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 50 {
				if err == nil {
					_, err = fmt.Fprintf(conn, "64\r\n%s\r\n", text(100))
					time.Sleep(time.Millisecond) // the pace of the client, while the server refuses
				}
			}
			if err == nil {
				undisturbed.Add(1)
			}
			answer, err := io.ReadAll(conn) // Linux keeps the answer even after a reset; others do not
			if !strings.Contains(string(answer), "507") {
				t.Errorf("got %q %v", answer, err)
			}
		})
	}
	clients.Wait()
	if undisturbed.Load() == 0 {
		t.Error("no client could send on while the server refused")
	}
}

// A client that is refused and then neither sends nor leaves does not hold the connection.
func TestRequestRefusedThenSilent(t *testing.T) {
	failed := errors.New("disk full")
	srv, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		full := pipeline.NewSink("full", func(ctx context.Context, _ *pipeline.Inlet) error {
			testenv.AwaitFull(ctx) // the source waits to send, not to read
			return failed
		})
		flow := sources.Request(w, r).To(full)
		flow.ChunkSize, flow.Buffer = 1, 1
		if _, err := testenv.Run(r.Context(), flow); !errors.Is(err, failed) {
			t.Error(err)
		}
		http.Error(w, "full", http.StatusInsufficientStorage)
	})
	for _, framing := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(conn, "PUT / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n5\r\nhello\r\n", framing)
		if answer, err := io.ReadAll(conn); err != nil || !strings.Contains(string(answer), "507") {
			t.Errorf("%s: got %q %v", framing, answer, err)
		}
	}
}

// The rest of a body that nobody read is not the next request.
func TestRequestRestIsNoRequest(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, framing := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
		t.Run(framing, func(t *testing.T) {
			srv, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/smuggled" {
					t.Error("a part of the body was taken for a request")
					return
				}
				reads := make(chan struct{}, 100)
				r.Body = watchedBody{r.Body, reads}
				one := pipeline.NewSink("one", func(ctx context.Context, in *pipeline.Inlet) error {
					c, err := in.Next(ctx)
					c.Release()
					<-reads
					<-reads // the source waits again
					if err == nil {
						err = pipeline.Enough
					}
					return err
				})
				if _, err := sources.Request(w, r).To(one).Run(r.Context()); err != nil {
					t.Error(err)
				}
			})
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "PUT / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n5\r\nhello\r\n", framing)
			buf := make([]byte, 4096)
			n, err := conn.Read(buf)
			if err != nil || !strings.Contains(string(buf[:n]), "Connection: close") {
				t.Errorf("got %q %v", buf[:n], err)
			}
			io.WriteString(conn, smuggled)
			rest, _ := io.ReadAll(conn)
			if len(rest) > 0 {
				t.Errorf("another answer: %q", rest)
			}
		})
	}
}

// A flow that answers while it reads, with the body through and through.
func TestRequestEcho(t *testing.T) {
	for _, protocol := range protocols {
		for _, length := range []int64{-1, 2 << 20} {
			t.Run(fmt.Sprintf("%s/%d", protocol, length), func(t *testing.T) {
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					if _, err := sources.Request(w, r).To(sinks.Response(w)).Run(r.Context()); err != nil {
						t.Error(err)
					}
				})
				want := text(2 << 20)
				resp, err := client.Do(upload(t, srv.URL, bytes.NewReader(want), length))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if !bytes.Equal(got, want) || err != nil {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
	}
	t.Run("curl", func(t *testing.T) {
		curl := testenv.Program(t, "curl", "curl")
		srv, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
			if _, err := sources.Request(w, r).To(sinks.Response(w)).Run(r.Context()); err != nil {
				t.Error(err)
			}
		})
		for _, args := range [][]string{{"-T", "-"}, {"-T", "-", "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"}} {
			cmd := exec.Command(curl, append(args, "-sSf", "--noproxy", "*", srv.URL)...)
			want := text(1 << 20)
			cmd.Stdin = bytes.NewReader(want)
			got, err := cmd.Output()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: %d bytes, %v", args, len(got), err)
			}
		}
	})
}

func TestRequestWithoutServer(t *testing.T) {
	got, size, err := drain(t.Context(), sources.Request(httptest.NewRecorder(), httptest.NewRequest("PUT", "/", strings.NewReader("hello"))))
	if string(got) != "hello" || size != 5 || err != nil {
		t.Errorf("got %q %d %v", got, size, err)
	}
	if _, _, err := drain(t.Context(), sources.Request(nil, nil)); err == nil {
		t.Error("a nil request was read")
	}
}

// A body that panics while the node waits, or when it no longer does.
func TestRequestBodyPanics(t *testing.T) {
	for _, stop := range []bool{false, true} {
		reading, stopped := make(chan struct{}), make(chan struct{})
		body := readerFunc(func(p []byte) (int, error) {
			if stop {
				close(reading)
				<-stopped
			}
			panic("ouch")
		})
		sink := pipeline.NewSink("stopping", func(ctx context.Context, in *pipeline.Inlet) error {
			if stop {
				<-reading
				time.AfterFunc(20*time.Millisecond, func() { close(stopped) })
				return pipeline.Enough
			}
			_, err := in.Next(ctx)
			return err
		})
		r := httptest.NewRequest("PUT", "/", body)
		_, err := sources.Request(httptest.NewRecorder(), r).To(sink).Run(t.Context())
		var p *pipeline.PanicError
		if !errors.As(err, &p) || p.Value != "ouch" {
			t.Errorf("stop=%v: got %v", stop, err)
		}
	}
}

// The conformance kit, over a socket: each run reads the body of a request of its own.
func TestRequestConforms(t *testing.T) {
	for _, protocol := range []string{"h1", "h2c"} {
		t.Run(protocol, func(t *testing.T) {
			type lent struct {
				w http.ResponseWriter
				r *http.Request
			}
			arrived := make(chan lent)
			var mu sync.Mutex
			var release []func() // of what a run leaves behind
			idle := func() {
				mu.Lock()
				defer mu.Unlock()
				for _, f := range release {
					f()
				}
				release = nil
			}
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				done := make(chan struct{})
				mu.Lock()
				release = append(release, func() { close(done) })
				mu.Unlock()
				arrived <- lent{w, r}
				<-done
			})
			defer idle()
			request := func(body io.Reader) pipeline.Source {
				req, read := upload(t, srv.URL, body, -1), make(chan struct{})
				go func() {
					defer close(read)
					if resp, err := client.Do(req); err == nil {
						resp.Body.Close()
					}
				}()
				l := <-arrived
				mu.Lock()
				release = append(release, func() { <-read; client.CloseIdleConnections() })
				mu.Unlock()
				return sources.Request(l.w, l.r)
			}
			want := text(100_000)
			pipetest.TestSourceWith(t, func() pipeline.Source { return request(bytes.NewReader(want)) }, pipetest.SourceOptions{
				SingleUse: true,
				Blocked: func() pipeline.Source {
					body, _ := io.Pipe()
					return request(body)
				},
				Idle: idle,
			}, want)
		})
	}
}
