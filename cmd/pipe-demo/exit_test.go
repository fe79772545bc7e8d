package main

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	wire "github.com/weirflow/weir/transfer"
)

// Exit codes follow the types of errors. What a node is called says nothing.
func TestExitCodesFollowTypes(t *testing.T) {
	fails := func(name string, err error) pipeline.Source {
		return pipeline.NewSource(name, func(context.Context, *pipeline.Outlet) error { return err })
	}
	truncated := &wire.TruncatedError{Want: 2, Got: 1}
	for _, tt := range []struct {
		source pipeline.Source
		want   int
	}{
		{fails("gunzip", io.ErrUnexpectedEOF), exitFailed},
		{fails("file", io.ErrUnexpectedEOF), exitFailed},
		{fails("unpack", truncated), exitIntegrity},
		{fails("unzstd", &stages.CorruptError{Err: io.ErrUnexpectedEOF}), exitIntegrity},
		{sources.Bytes([]byte{0x1f, 0x8b}).Via(stages.Gunzip()), exitIntegrity},
		{fails("x", &wire.DigestError{}), exitIntegrity},
		{fails("x", &wire.NetworkError{Err: truncated}), exitNetwork},
		{fails("x", &wire.StatusError{Method: "GET", Status: 404}), exitNoSource},
		{fails("x", &wire.StatusError{Method: "HEAD", Status: 404}), exitFailed}, // of an upload
		{fails("x", &wire.StatusError{Method: "PUT", Status: 404}), exitFailed},
		{fails("x", &wire.StatusError{Method: "PUT", Status: 412}), exitExists},
		{fails("x", &wire.StatusError{Method: "PUT", Status: 503}), exitNetwork},
		{fails("x", &wire.TimeoutError{Limit: "total"}), exitLimit},
	} {
		_, err := tt.source.To(sinks.Discard()).Run(t.Context())
		if got := exitCode(fmt.Errorf("x: %w", err)); got != tt.want {
			t.Errorf("%v: exit %d, want %d", err, got, tt.want)
		}
	}
	for name, want := range map[string]int{"stdout": exitFailed, "-": exitFailed} {
		_, err := sources.Bytes(nil).To(pipeline.NewSink(name, func(context.Context, *pipeline.Inlet) error { return syscall.EPIPE })).Run(t.Context())
		if got := exitCode(explainFailure(err, &transfer{})); got != want {
			t.Errorf("%v: exit %d, want %d", err, got, want)
		}
	}
}
