package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A flowWriter is the response that a flow writes to. It notes what becomes of it, and gives up a
// client that takes nothing for idleTime.
type flowWriter struct {
	http.ResponseWriter
	request *http.Request
	control *http.ResponseController
	ctx     context.Context // of the flow
	cancel  context.CancelCauseFunc
	start   time.Time
	timer   *time.Timer
	outcome httpflow.Outcome
	failed  error // of a write
}

func newFlowWriter(w http.ResponseWriter, r *http.Request) *flowWriter {
	f := &flowWriter{ResponseWriter: w, request: r, control: http.NewResponseController(w), start: time.Now()}
	f.ctx, f.cancel = context.WithCancelCause(r.Context())
	f.timer = time.AfterFunc(idleTime, func() {
		f.cancel(fmt.Errorf("%w: the client has stopped reading", httpflow.ErrTooSlow))
		_ = f.control.SetWriteDeadline(time.Unix(1, 0)) // frees a write that waits
	})
	f.timer.Stop()
	return f
}

// run answers with a run of the flow.
func (f *flowWriter) run(b *build, p *plan) {
	response := &element{role: sinkRole, name: "response", sink: func(*build, string) (pipeline.Sink, error) { return sinks.Response(f), nil }}
	one := *p
	one.chain.sink = &use{word{response.name, len(p.flow.words)}, response}
	pipe, err := b.pipeline(&one)
	if err == nil {
		_, err = pipe.Run(f.ctx)
	}
	f.outcome.Err = err
	switch {
	case err == nil:
	case errors.Is(err, http.ErrNotSupported): // it could not be broken off otherwise
		panic(http.ErrAbortHandler)
	case f.outcome.Status == 0 && f.ctx.Err() == nil: // nothing was written
		for name := range f.Header() {
			f.Header().Del(name)
		}
		f.refuse(errorStatus(err), "")
	}
}

// errorStatus is what a client is told of a flow that failed before its first byte.
func errorStatus(err error) int {
	_, status := statusOf(err)
	switch {
	case isA[*sources.NetworkError](err), isA[*sources.ChangedError](err), status:
		return http.StatusBadGateway
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// refuse answers with an error status, and a text if the status says too little.
func (f *flowWriter) refuse(status int, text string) {
	if text == "" {
		text = http.StatusText(status)
	}
	http.Error(f, text, status)
}

// end is the outcome, when the handler is done.
func (f *flowWriter) end() httpflow.Outcome {
	f.timer.Stop()
	f.cancel(nil)
	o := f.outcome
	o.Elapsed = time.Since(f.start)
	// That the request's context is over says little: on HTTP/2 it also is when the response was
	// broken off from here.
	cause := context.Cause(f.request.Context())
	o.ClientLeft = o.Err != nil && !errors.Is(o.Err, httpflow.ErrTooSlow) &&
		(cause != nil && errors.Is(o.Err, cause) || f.failed != nil && errors.Is(o.Err, f.failed))
	return o
}

func (f *flowWriter) WriteHeader(status int) {
	f.outcome.Status = status
	f.ResponseWriter.WriteHeader(status)
}

func (f *flowWriter) Write(b []byte) (int, error) {
	if f.outcome.Status == 0 {
		f.outcome.Status = http.StatusOK
	}
	const piece = 16 << 10 // what the client has idleTime for
	for written := 0; ; {
		f.timer.Reset(idleTime)
		n, err := f.ResponseWriter.Write(b[written:min(len(b), written+piece)])
		f.timer.Stop()
		written += n
		f.outcome.Bytes += int64(n)
		if err != nil {
			err = f.explain(err)
		}
		if err != nil || written == len(b) {
			return written, err
		}
	}
}

// explain notes why a write failed: because it was freed, or by the client's doing.
func (f *flowWriter) explain(err error) error {
	if late := context.Cause(f.ctx); errors.Is(late, httpflow.ErrTooSlow) {
		return late
	}
	f.failed = err
	return err
}

// FlushError is for [http.ResponseController].
func (f *flowWriter) FlushError() error {
	f.timer.Reset(idleTime)
	defer f.timer.Stop()
	err := f.control.Flush()
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		err = f.explain(err)
	}
	return err
}

// Unwrap is for [http.ResponseController].
func (f *flowWriter) Unwrap() http.ResponseWriter { return f.ResponseWriter }
