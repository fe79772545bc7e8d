package sinks_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/transfer"
)

// RFC 9110 section 10.1.1: a server that does not support the expectation gets the request without it.
func TestHTTPExpectationFailed(t *testing.T) {
	data := pattern(2 << 20)
	for _, timeout := range []time.Duration{0, time.Minute} {
		for _, close := range []string{"Connection: close\r\n", ""} {
			t.Run(fmt.Sprintf("timeout=%v/%q", timeout, close), func(t *testing.T) {
				bodies := make(chan []byte, 2)
				addr := listen(t, func(conn *net.TCPConn) {
					conn.SetDeadline(time.Now().Add(20 * time.Second))
					r := bufio.NewReader(conn)
					req, err := http.ReadRequest(r)
					switch {
					case err != nil:
						t.Error(err)
					case req.Header.Get("Expect") != "":
						io.WriteString(conn, "HTTP/1.1 417 No\r\nContent-Length: 3\r\n"+close+"\r\nno\n")
						b, _ := io.ReadAll(r) // what the client sends before it closes
						bodies <- b
					default:
						b, _ := io.ReadAll(req.Body)
						bodies <- b
						io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					}
				})
				client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: timeout}}
				var status int
				o := sinks.HTTPOptions{Digest: "sha-256", OnAnswer: func(s int, _ http.Header) { status = s }}
				_, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTPWith(client, put(t, "http://"+addr), o)).Run(t.Context())
				if err != nil || status != 201 {
					t.Fatalf("%d, %v", status, err)
				}
				same(t, "the refused body", nil, <-bodies)
				same(t, "the body", data, <-bodies)
				client.CloseIdleConnections()
				noLeak(t)
			})
		}
	}
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var requests atomic.Int64
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1) == 1 {
					w.WriteHeader(417)
					return
				}
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				same(t, "body", data, b)
				w.WriteHeader(201)
			})
			client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
			if _, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context()); err != nil {
				t.Error(err)
			}
			noLeak(t)
		})
	}
	// A second refusal, and one that comes when part of the body is gone, are answers like others.
	for name, late := range map[string]bool{"twice": false, "late": true} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if late {
					io.ReadFull(r.Body, make([]byte, 100))
				}
				w.WriteHeader(417)
			})
			client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
			_, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context())
			if e := (*transfer.StatusError)(nil); !errors.As(err, &e) || e.Status != 417 {
				t.Errorf("got %v", err)
			}
			client.CloseIdleConnections()
			srv.Close()
			if want := map[bool]int64{true: 1, false: 2}[late]; requests.Load() != want {
				t.Errorf("%d requests, want %d", requests.Load(), want)
			}
			noLeak(t)
		})
	}
	// A request that has the field without a value does not ask.
	t.Run("off", func(t *testing.T) {
		srv, client, got, _ := receiver(t, "h1", 200)
		req := put(t, srv.URL)
		req.Header["Expect"] = nil
		if _, err := stream(data, int64(len(data)), 5000, nil).To(sinks.HTTP(client, req)).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g.header.Get("Expect") != "" {
			t.Errorf("Expect: %q", g.header.Get("Expect"))
		}
		noLeak(t)
	})
}

// RFC 9112 section 3.2: nothing in the query breaks the request line.
func TestHTTPEscapesTheQuery(t *testing.T) {
	for _, protocol := range protocols {
		query := make(chan string, 1)
		srv, client := serve(t, protocol, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			query <- r.URL.RawQuery
		})
		req := put(t, srv.URL+"/x")
		req.URL.RawQuery = "a=b c&d=%20+\u00e9\"%zz[]{}|\r\n#"
		if _, err := stream(pattern(5), -1, 5, nil).To(sinks.HTTP(client, req)).Run(t.Context()); err != nil {
			t.Fatal(protocol, err)
		}
		if got, want := <-query, "a=b%20c&d=%20+%C3%A9%22%25zz[]%7B%7D%7C%0D%0A%23"; got != want {
			t.Errorf("%s: got %s, want %s", protocol, got, want)
		}
	}
}
