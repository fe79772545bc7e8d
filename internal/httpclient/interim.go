package httpclient

import (
	"context"
	"net/http/httptrace"
	"net/textproto"

	"github.com/weirflow/weir/internal/peerwait"
)

// Interim returns a context for a request whose interim answers (1xx, RFC 9110 section 15.2) restart the time that wait
// allows. The transport sets no limit of its own to their number then.
func Interim(ctx context.Context, wait *peerwait.Wait) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			wait.Alive()
			return nil
		},
	})
}
