package httpflow

import (
	"net/http"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// Options are the settings that all handlers with content have. The zero Options are the defaults.
type Options struct {
	// CacheControl is the Cache-Control field of responses with content and of 304; empty: none.
	CacheControl string

	// Attachment makes clients save the content instead of showing it: a Content-Disposition with
	// the content's name (RFC 6266).
	Attachment bool

	// Via is a stage that the bytes of every response pass through, such as a rate limit. Where the
	// response has a length, it must keep their number, otherwise the response fails. The zero Stage
	// is the identity.
	Via pipeline.Stage

	// Limits are how long a client may take. A response that exceeds one is broken off, with a
	// [*transfer.TimeoutError]. Idle and MinRate count the time in which a response waits for the
	// client: Idle for one chunk, of at most 16 KiB. Where the kernel copies, a chunk is 64 KiB at
	// first, up to 256 KiB while the client takes each within a tenth of a second, else 16 KiB, and
	// the disk's time counts, too. A paused player is idle; after that time it has to ask again, with
	// a range, as they do. A WriteTimeout of the server applies besides. A write that waits can be
	// ended only where the ResponseWriter supports write deadlines, as those of net/http do.
	Limits transfer.Limits

	// OnFlow, if not nil, is called when the flow of a response has ended, before the handler
	// returns. With an error, the response was broken off, or was an error status if nothing had
	// been written yet. A client that has left shows as the error of the request's context. With
	// OnFlow, every response with content is a flow; without it, and without Via, files are sent
	// directly.
	OnFlow func(r *http.Request, report pipeline.Report, err error)

	// OnRequest, if not nil, is called at the end of every request, before the handler returns.
	OnRequest func(r *http.Request, outcome Outcome)

	runs bool // every response with content is a run of a flow
}

// prepare finds out once what is the same for all requests.
func (o *Options) prepare() { o.runs = !o.Via.IsZero() || o.OnFlow != nil }

// An Outcome is the result of a request, for a log.
type Outcome struct {
	// Status is the status code of the response.
	Status int

	// Bytes is how many bytes of the body were written to the server, including what its buffers
	// and the system's held when the client left.
	Bytes int64

	// Elapsed is how long the handler took.
	Elapsed time.Duration

	// Err is why the response is not complete, or why it is an error status of 500 or more; from a
	// [Handler], why it is an error status at all, unless that is an [Error]'s. What is wrong with the
	// request (404, 416) is not an error here.
	Err error

	// ClientGone reports that Err is because the client closed the connection or reset the stream,
	// as media players do at every seek. It is also set when the server itself closes the connection.
	ClientGone bool
}
