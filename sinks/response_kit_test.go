package sinks_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

// exchange is a request under way: its handler lends w and waits for done, and its client reads the answer.
type exchange struct {
	w    http.ResponseWriter
	done chan struct{} // the handler may return
	end  func()        // closes done and waits for the client

	mu   sync.Mutex
	body []byte
	ok   bool // the client is content
}

func (e *exchange) published() ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.body, e.ok
}

// sink is a Response that lets the handler return after its last step, whichever way that goes.
func (e *exchange) sink() pipeline.Sink {
	response := sinks.Response(e.w)
	return pipeline.NewSink("handler", func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(_ context.Context, failed error) error { // the last to publish
			if failed == nil {
				e.end()
			}
			return nil
		})
		defer in.AtEnd(func(_ context.Context, failed error) error { // the last to undo
			if failed != nil {
				e.end()
			}
			return nil
		})
		return response.Run(ctx, in)
	})
}

// The conformance kit: what a client has received as a whole is what is published.
func TestResponseConforms(t *testing.T) {
	for _, protocol := range []string{"h1", "h2c"} {
		t.Run(protocol, func(t *testing.T) {
			lent := make(chan *exchange)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				e := &exchange{w: w, done: make(chan struct{})}
				lent <- e
				<-e.done
				if _, ok := w.Header()["Content-Length"]; !ok {
					// Nothing was written: without an answer of its own a handler's return means 200.
					w.Header().Set("Content-Length", "1")
				}
			})
			pipetest.TestSinkWith(t, func(t testing.TB) pipetest.Target {
				read, known := make(chan struct{}), make(chan *exchange, 1)
				go func() {
					defer close(read)
					resp, err := client.Post(srv.URL, "", nil)
					if err != nil {
						return
					}
					defer resp.Body.Close()
					b, err := io.ReadAll(resp.Body)
					e := <-known
					e.mu.Lock()
					defer e.mu.Unlock()
					e.body, e.ok = b, err == nil
				}()
				e := <-lent
				known <- e
				e.end = sync.OnceFunc(func() {
					close(e.done)
					<-read
				})
				t.Cleanup(e.end)
				return pipetest.Target{Sink: e.sink(), Published: e.published}
			}, pipetest.SinkOptions{SingleUse: true, Idle: client.CloseIdleConnections})
		})
	}
}
