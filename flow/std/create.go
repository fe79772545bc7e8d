package std

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/probe"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/transfer"
)

// create is an upload that replaces nothing, also where the server knows no conditions: it is asked first. What appears at such a
// server after that may be lost, and then the answer says so.
func create(client *http.Client, req *http.Request, opts sinks.HTTPOptions) pipeline.Sink {
	if client == nil {
		client = http.DefaultClient
	}
	conditional := req.Clone(req.Context())
	conditional.Header.Set("If-None-Match", "*")
	return pipeline.NewSink(req.Method+" "+httpclient.PlainURL(req.URL), func(ctx context.Context, in *pipeline.Inlet) error {
		found, err := probe.Exists(ctx, client, req.URL, req.Header, transfer.Limits{}.WithDefaults().Idle)
		if found {
			err = fs.ErrExist
		}
		if err != nil {
			return err
		}
		opts := opts
		status := 0
		opts.OnAnswer = func(s int, _ http.Header) { status = s }
		in.AtEnd(func(_ context.Context, failed error) error { // after that of the upload
			if failed == nil && (status == http.StatusOK || status == http.StatusNoContent) { // RFC 9110 section 9.3.4
				return fmt.Errorf("the server answered %d %s, as for a file that was replaced: one that appeared just before may be lost", status, http.StatusText(status))
			}
			return nil
		})
		return sinks.HTTPWith(client, conditional, opts).Run(ctx, in)
	})
}
