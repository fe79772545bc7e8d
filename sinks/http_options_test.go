package sinks_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/transfer"
)

// digestOf returns a member of Repr-Digest.
func digestOf(algorithm string, data []byte) string {
	sum := sumOf(algorithm, data)
	return algorithm + "=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}

func sumOf(algorithm string, data []byte) []byte {
	if algorithm == "sha-512" {
		sum := sha512.Sum512(data)
		return sum[:]
	}
	sum := sha256.Sum256(data)
	return sum[:]
}

// RFC 9530: where the digest goes.
func TestHTTPDigest(t *testing.T) {
	for _, protocol := range protocols {
		for _, n := range []int{0, 5, 100_000} {
			for _, promised := range []bool{true, false} {
				for _, algorithm := range []string{"sha-256", "sha-512"} {
					for _, told := range []bool{true, false} { // Sum
						t.Run(fmt.Sprintf("%s/%d/promised=%v/%s/%v", protocol, n, promised, algorithm, told), func(t *testing.T) {
							data, size := pattern(n), int64(-1)
							if promised {
								size = int64(n)
							}
							var header, trailer string
							srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
								io.Copy(io.Discard, r.Body)
								header, trailer = r.Header.Get("Repr-Digest"), r.Trailer.Get("Repr-Digest")
								w.Header().Set("Repr-Digest", digestOf(algorithm, data))
								w.Header().Set("ETag", `"x"`)
								w.WriteHeader(201)
							})
							var etag string
							o := sinks.HTTPOptions{Digest: algorithm, OnAnswer: func(status int, h http.Header) { etag = fmt.Sprint(status, h.Get("ETag")) }}
							if told {
								o.Sum = sumOf(algorithm, data)
							}
							if _, err := stream(data, size, 5000, nil).To(sinks.HTTPWith(client, put(t, srv.URL), o)).Run(t.Context()); err != nil {
								t.Fatal(err)
							}
							want := digestOf(algorithm, data)
							switch {
							case told || n == 0:
								if header != want || trailer != "" {
									t.Errorf("header %q, trailer %q, want the header %q", header, trailer, want)
								}
							case promised && strings.HasPrefix(protocol, "h1"):
								if header != "" || trailer != "" {
									t.Errorf("header %q, trailer %q, want none", header, trailer)
								}
							case header != "" || trailer != want:
								t.Errorf("header %q, trailer %q, want the trailer %q", header, trailer, want)
							}
							if etag != `201"x"` {
								t.Errorf("OnAnswer was told %s", etag)
							}
							noLeak(t)
						})
					}
				}
			}
		}
	}
}

// A digest that is another than the server's, or the caller's.
func TestHTTPDigestError(t *testing.T) {
	data, other := pattern(50_000), pattern(49_999)
	for _, test := range []struct {
		name   string
		opts   sinks.HTTPOptions
		field  string // of the answer
		answer string
		want   string // the error's Field; "-": none
	}{
		{"server", sinks.HTTPOptions{Digest: "sha-256"}, digestOf("sha-256", other), "", "Repr-Digest"},
		{"one of two", sinks.HTTPOptions{Digest: "sha-256"}, digestOf("sha-512", data) + ", " + digestOf("sha-256", other), "", "Repr-Digest"},
		{"another algorithm", sinks.HTTPOptions{Digest: "sha-256"}, digestOf("sha-512", other), "", "-"},
		{"none", sinks.HTTPOptions{}, digestOf("sha-256", other), "", "-"},
		{"of the answer", sinks.HTTPOptions{Digest: "sha-256"}, digestOf("sha-256", []byte("stored")), "stored", "-"}, // RFC 9530 appendix B.8
		{"not well-formed", sinks.HTTPOptions{Digest: "sha-256"}, "sha-256=:x", "", "-"},
		{"caller", sinks.HTTPOptions{Digest: "sha-256", Sum: sumOf("sha-256", other)}, "", "", ""},
	} {
		for _, size := range []int64{-1, 50_000} {
			t.Run(test.name+"/"+known(size), func(t *testing.T) {
				whole := make(chan bool, 1)
				srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
					_, err := io.Copy(io.Discard, r.Body)
					whole <- err == nil
					w.Header().Set("Repr-Digest", test.field)
					io.WriteString(w, test.answer)
				})
				// The source does not end before the server has begun to read.
				_, err := stream(data, size, 5000, nil).To(sinks.HTTPWith(client, put(t, srv.URL), test.opts)).Run(t.Context())
				e := (*transfer.DigestError)(nil)
				if test.want == "-" {
					if err != nil {
						t.Fatal(err)
					}
				} else if !errors.As(err, &e) || e.Field != test.want || e.Algorithm != "sha-256" {
					t.Fatalf("got %v", err)
				} else if test.name == "caller" {
					client.CloseIdleConnections()
					srv.CloseClientConnections()
					srv.Close()
					if len(whole) > 0 && <-whole {
						t.Error("the server got a whole body")
					}
				} else if !bytes.Equal(e.Got, sumOf("sha-256", data)) || !bytes.Equal(e.Want, sumOf("sha-256", other)) {
					t.Errorf("got %v", err)
				}
				noLeak(t)
			})
		}
	}
}

func TestHTTPOptionsArguments(t *testing.T) {
	for want, o := range map[string]sinks.HTTPOptions{
		`digest "md5": want sha-256 or sha-512`: {Digest: "md5"},
		`a digest: want Digest, not only Sum`:   {Sum: []byte{1}},
		`a sha-256 of 1 bytes: want 32`:         {Digest: "sha-256", Sum: []byte{1}},
	} {
		_, err := stream(pattern(5), 5, 5, nil).To(sinks.HTTPWith(nil, put(t, "http://127.0.0.1:1"), o)).Run(t.Context())
		if err == nil || err.Error() != "PUT http://127.0.0.1:1: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// RFC 9110 section 10.1.1: with a transport that would not wait, the body does.
func TestHTTPExpectContinue(t *testing.T) {
	data := pattern(2 << 20)
	t.Run("refused", func(t *testing.T) {
		for _, timeout := range []time.Duration{0, time.Minute} {
			body := make(chan int64, 1)
			addr := listen(t, func(conn *net.TCPConn) {
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				r := bufio.NewReader(conn)
				if req, err := http.ReadRequest(r); err != nil || req.Header.Get("Expect") != "100-continue" {
					t.Errorf("%v %v", req, err)
				}
				io.WriteString(conn, "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				conn.CloseWrite()
				n, _ := io.Copy(io.Discard, r)
				body <- n
			})
			client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: timeout}}
			_, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTP(client, put(t, "http://"+addr))).Run(t.Context())
			if e := (*transfer.StatusError)(nil); !errors.As(err, &e) || e.Status != 403 {
				t.Errorf("got %v", err)
			}
			if n := <-body; n > 0 {
				t.Errorf("timeout %v: %d bytes of the body were sent", timeout, n)
			}
			client.CloseIdleConnections()
			noLeak(t)
		}
	})
	for _, protocol := range protocols {
		t.Run("asked/"+protocol, func(t *testing.T) {
			srv, client, got, _ := receiver(t, protocol, 200)
			client.Transport.(*http.Transport).ExpectContinueTimeout = 0
			if _, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			g := <-got
			same(t, "body", data, g.body)
			noLeak(t)
		})
	}
	// A server that does not know the mechanism says nothing.
	t.Run("ignored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var took time.Duration
			client := inMemory(t, func(conn net.Conn) {
				r := bufio.NewReader(conn)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				req.Body.Read(make([]byte, 1))
				took = time.Since(start)
				io.Copy(io.Discard, req.Body)
				io.WriteString(conn, "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
			})
			if _, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTP(client, put(t, "http://host/"))).Run(t.Context()); err != nil || took != time.Second {
				t.Errorf("%v; the body came after %v", err, took)
			}
		})
	})
}

// inMemory serves connections for bubbles of testing/synctest, and returns the client that reaches
// them.
func inMemory(t testing.TB, serve func(conn net.Conn)) *http.Client {
	var group sync.WaitGroup
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		group.Go(func() {
			defer server.Close()
			serve(server)
		})
		return client, nil
	}}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		group.Wait()
	})
	return &http.Client{Transport: tr}
}

// swallow reads n bytes of a request, or -1 for all, with a pause before each, and then does what
// after does.
func swallow(n int, pause time.Duration, after func(conn net.Conn)) func(conn net.Conn) {
	return func(conn net.Conn) {
		r := bufio.NewReaderSize(conn, 16)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		for i := 0; i != n; i++ {
			time.Sleep(pause)
			if m, err := req.Body.Read(make([]byte, 1)); err == io.EOF && m == 0 && n < 0 {
				break
			} else if err != nil && err != io.EOF {
				return
			}
		}
		after(conn)
	}
}

// silent says nothing until the client is gone.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// dead does not even read.
func dead(conn net.Conn) { time.Sleep(100 * time.Hour) }

// processing sends an interim answer every six seconds for ten minutes, and then nothing.
func processing(conn net.Conn) {
	for range 100 {
		time.Sleep(6 * time.Second)
		io.WriteString(conn, "HTTP/1.1 102 Processing\r\n\r\n")
	}
	dead(conn)
}

func wantTimeout(t *testing.T, err error, limit string, network bool) {
	t.Helper()
	var e *transfer.TimeoutError
	var n *transfer.NetworkError
	if !errors.As(err, &e) || e.Limit != limit || errors.As(err, &n) != network || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the limit %s", err, limit)
	}
}

func TestHTTPLimits(t *testing.T) {
	const n = 100_000
	for _, test := range []struct {
		name  string
		serve func(conn net.Conn)
		opts  sinks.HTTPOptions
		limit string
		after time.Duration // 0: about
	}{
		{"no answer", swallow(n, 0, silent), sinks.HTTPOptions{}, "answer", 10 * time.Minute},
		{"no answer", swallow(n, 0, silent), sinks.HTTPOptions{Limits: transfer.Limits{Answer: 7 * time.Second}}, "answer", 7 * time.Second},
		{"interim answers", swallow(n, 0, processing), sinks.HTTPOptions{Limits: transfer.Limits{Answer: 7 * time.Second}}, "answer", 607 * time.Second},
		{"interim answers before the end", swallow(50_000, 0, processing), sinks.HTTPOptions{Limits: transfer.Limits{Idle: 7 * time.Second}}, "idle", 607 * time.Second},
		{"nothing read", dead, sinks.HTTPOptions{Limits: transfer.Limits{Idle: 7 * time.Second}}, "idle", 7 * time.Second},
		{"stops reading", swallow(50_000, 0, dead), sinks.HTTPOptions{Limits: transfer.Limits{Idle: 7 * time.Second}}, "idle", 7 * time.Second},
		{"slow", swallow(n, time.Second, silent), sinks.HTTPOptions{Limits: transfer.Limits{Idle: -1, MinRate: 10}}, "rate", 0},
		{"total", swallow(n, time.Second, silent), sinks.HTTPOptions{Limits: transfer.Limits{Idle: -1, Total: time.Hour}}, "total", time.Hour},
		{"total, no answer", swallow(n, 0, silent), sinks.HTTPOptions{Limits: transfer.Limits{Idle: -1, Answer: -1, Total: time.Hour}}, "total", time.Hour},
	} {
		for _, size := range []int64{-1, n} {
			t.Run(test.name+"/"+known(size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client := inMemory(t, test.serve)
					start := time.Now()
					_, err := stream(pattern(n), size, 5000, nil).To(sinks.HTTPWith(client, put(t, "http://host/"), test.opts)).Run(t.Context())
					wantTimeout(t, err, test.limit, test.limit != "total")
					if took := time.Since(start); test.after > 0 && (took < test.after || took > test.after+time.Second) { // a closed body waits for an answer
						t.Errorf("after %v: %v", took, err)
					}
				})
			})
		}
	}
}

// A source that has nothing is not the server's fault, and a slow server that moves is none.
func TestHTTPSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n") }
		slow := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 20 {
				if err := out.Send(ctx, pipeline.ChunkOf(pattern(100))); err != nil {
					return err
				}
				time.Sleep(time.Hour)
			}
			return nil
		})
		o := sinks.HTTPOptions{Limits: transfer.Limits{MinRate: 1 << 20}}
		if _, err := slow.To(sinks.HTTPWith(inMemory(t, swallow(-1, 0, answer)), put(t, "http://host/"), o)).Run(t.Context()); err != nil {
			t.Error("slow source:", err)
		}
		o = sinks.HTTPOptions{Limits: transfer.Limits{MinRate: 1}}
		if _, err := stream(pattern(2000), -1, 100, nil).To(sinks.HTTPWith(inMemory(t, swallow(-1, time.Second/4, answer)), put(t, "http://host/"), o)).Run(t.Context()); err != nil {
			t.Error("slow server:", err)
		}
		// Total counts what the source takes.
		start := time.Now()
		_, err := slow.To(sinks.HTTPWith(inMemory(t, silent), put(t, "http://host/"), sinks.HTTPOptions{Limits: transfer.Limits{Total: 90 * time.Minute}})).Run(t.Context())
		wantTimeout(t, err, "total", false)
		if took := time.Since(start); took > 2*time.Hour {
			t.Errorf("after %v", took)
		}
	})
}

// What breaks off says where.
func TestHTTPNetworkError(t *testing.T) {
	addr := listen(t, func(conn *net.TCPConn) {
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		io.ReadFull(conn, make([]byte, 100_000))
		conn.SetLinger(0)
	})
	client := &http.Client{Transport: &http.Transport{}}
	_, err := flood.To(sinks.HTTP(client, put(t, "http://"+addr))).Run(t.Context())
	if e := (*transfer.NetworkError)(nil); !errors.As(err, &e) || e.Offset < 90_000 || e.Resumable || e.Retries != 0 || !strings.Contains(err.Error(), fmt.Sprintf("at byte %d: ", e.Offset)) {
		t.Errorf("got %v", err)
	}
	noLeak(t)
}

// A server that says nothing holds the last step of a cancelled run for Grace, and no longer.
func TestHTTPGrace(t *testing.T) {
	for _, n := range []int{0, 100, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			var cancelled time.Time
			client := inMemory(t, swallow(-1, 0, func(conn net.Conn) {
				cancelled = time.Now()
				cancel(errTest)
				silent(conn)
			}))
			p := stream(pattern(n), -1, 5000, nil).To(sinks.HTTP(client, put(t, "http://host/")))
			p.Grace = 7 * time.Second
			_, err := p.Run(ctx)
			if took := time.Since(cancelled); !errors.Is(err, errTest) || took != 7*time.Second {
				t.Errorf("%d bytes: after %v: %v", n, took, err)
			}
		})
	}
}
