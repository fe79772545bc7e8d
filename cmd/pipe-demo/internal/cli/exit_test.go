package cli

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
	"github.com/weirflow/weir/transfer"
)

// Exit codes follow the types of errors. What a node is called says nothing.
func TestExitCodesFollowTypes(t *testing.T) {
	fails := func(name string, err error) pipeline.Source {
		return pipeline.NewSource(name, func(context.Context, *pipeline.Outlet) error { return err })
	}
	truncated := &transfer.TruncatedError{Want: 2, Got: 1}
	for _, tt := range []struct {
		source pipeline.Source
		want   int
	}{
		{fails("gunzip", io.ErrUnexpectedEOF), ExitFailed},
		{fails("file", io.ErrUnexpectedEOF), ExitFailed},
		{fails("unpack", truncated), ExitIntegrity},
		{fails("unzstd", &stages.CorruptError{Err: io.ErrUnexpectedEOF}), ExitIntegrity},
		{sources.Bytes([]byte{0x1f, 0x8b}).Via(stages.Gunzip()), ExitIntegrity},
		{fails("x", &transfer.DigestError{}), ExitIntegrity},
		{fails("x", &transfer.NetworkError{Err: truncated}), ExitNetwork},
		{fails("x", &transfer.StatusError{Method: "GET", Status: 404}), ExitNoSource},
		{fails("x", &transfer.StatusError{Method: "HEAD", Status: 404}), ExitFailed}, // of an upload
		{fails("x", &transfer.StatusError{Method: "PUT", Status: 404}), ExitFailed},
		{fails("x", &transfer.StatusError{Method: "PUT", Status: 412}), ExitExists},
		{fails("x", &transfer.StatusError{Method: "PUT", Status: 503}), ExitNetwork},
		{fails("x", &transfer.TimeoutError{Limit: "total"}), ExitLimit},
	} {
		_, err := tt.source.To(sinks.Discard()).Run(t.Context())
		if got := ExitCode(fmt.Errorf("x: %w", err)); got != tt.want {
			t.Errorf("%v: exit %d, want %d", err, got, tt.want)
		}
	}
	for name, want := range map[string]int{"stdout": ExitFailed, "-": ExitFailed} {
		_, err := sources.Bytes(nil).To(pipeline.NewSink(name, func(context.Context, *pipeline.Inlet) error { return syscall.EPIPE })).Run(t.Context())
		if got := ExitCode((&Task{}).explain(err)); got != want {
			t.Errorf("%v: exit %d, want %d", err, got, want)
		}
	}
}
