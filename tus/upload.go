package tus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// maxTail is how many bytes are kept back until the whole run has succeeded.
const maxTail = 16 << 10

var errStoppedEarly = errors.New("stopped before the end of the stream")

// upload is one run of UploadWith.
type upload struct {
	o        Options
	c        *client
	endpoint *url.URL
	url      *url.URL // of the upload; nil: there is none yet
	created  bool     // by this run
	checksum string   // algorithm; "": none

	begun, ended bool
	position     int64   // in the upload, of the next byte of the stream
	offset       int64   // what the server has
	length       int64   // what the server knows of the upload's; -1: nothing
	total        int64   // what is known of it here; -1: nothing
	segment      segment // from offset on
	most         int64   // bytes of the next request
}

func newUpload(endpoint, resume *url.URL, o Options) *upload {
	u := &upload{o: o, endpoint: endpoint, position: o.Offset, length: -1, total: -1, most: maxSegment}
	trusted := []*url.URL{endpoint}
	if resume != nil {
		trusted = append(trusted, resume)
		u.url = resume
	}
	u.c = newClient(&u.o, trusted...)
	u.c.kept = resume != nil
	return u
}

// receive sends the stream, all but its end.
func (u *upload) receive(ctx context.Context, in *pipeline.Inlet) error {
	for c, err := range in.Chunks(ctx) {
		if err != nil {
			return err
		}
		if !u.begun {
			err = u.begin(ctx, in)
		}
		if err == nil {
			err = u.take(ctx, c.Bytes())
		}
		c.Release()
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // a caller may have cancelled with io.EOF
		return context.Cause(ctx)
	}
	if !u.begun && u.url != nil {
		if err := u.begin(ctx, in); err != nil {
			return err
		}
	}
	switch {
	case u.total >= 0 && u.position != u.total:
		return &transfer.TruncatedError{Want: u.total, Got: u.position}
	case u.position < u.offset:
		return fmt.Errorf("the server has more of the upload: %w", &transfer.TruncatedError{Want: u.offset, Got: u.position})
	}
	u.total = u.position
	if err := u.send(ctx, u.total-maxTail, false); err != nil {
		return err
	}
	u.ended = true
	return nil
}

// begin creates the upload, or finds out how far it is.
func (u *upload) begin(ctx context.Context, in *pipeline.Inlet) error {
	u.begun = true
	if size, known := in.Size(); known {
		u.total = u.position + size
	}
	if u.url != nil {
		return u.resume(ctx)
	}
	server, err := u.server(ctx, u.endpoint)
	if err != nil {
		return err
	}
	if u.total < 0 && server != nil && !slices.Contains(server.Extensions, "creation-defer-length") {
		return errors.New("the server takes no upload of unknown length")
	}
	u.choose(server)
	return u.create(ctx, u.total)
}

// server returns what the server supports. It is nil where the server has not said: then the upload shows. The only error is the
// end of ctx.
func (u *upload) server(ctx context.Context, at *url.URL) (*Server, error) {
	if u.o.Server != nil {
		return u.o.Server, nil
	}
	s, err := u.c.support(ctx, at)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil
	}
	return &s, nil
}

// choose chooses the best checksum that the server verifies.
func (u *upload) choose(server *Server) {
	if server == nil || !slices.Contains(server.Extensions, "checksum") {
		return
	}
	for _, name := range []string{"sha256", "sha512", "sha1"} { // sha1 is the one that every server has
		if slices.Contains(server.Checksums, name) {
			u.checksum = name
			return
		}
	}
}

func (u *upload) create(ctx context.Context, size int64) error {
	at, err := u.c.create(ctx, u.endpoint, size)
	if err != nil {
		return err
	}
	u.url, u.created, u.length = at, true, size
	u.c.kept = u.o.Keep
	u.c.retry.Progress()
	if u.o.OnCreate != nil {
		u.o.OnCreate(at.String())
	}
	return nil
}

// resume continues the upload of an earlier run.
func (u *upload) resume(ctx context.Context) error {
	server, err := u.server(ctx, u.url)
	if err != nil {
		return err
	}
	u.choose(server)
	s, err := u.c.state(ctx, u.url)
	switch {
	case err != nil:
		return err
	case s.offset < u.position:
		return fmt.Errorf("the server has %d bytes of the upload: the stream must begin there or before, not at byte %d", s.offset, u.position)
	case u.total >= 0 && s.length >= 0 && u.total != s.length:
		return fmt.Errorf("the upload has %d bytes, with the stream it would have %d", s.length, u.total)
	case s.length >= 0:
		u.total = s.length
	}
	u.offset, u.length = s.offset, s.length
	u.c.offset = s.offset
	u.c.retry.Progress()
	return nil
}

// take puts b into the segment, and sends that when it is full and more comes.
func (u *upload) take(ctx context.Context, b []byte) error {
	if u.total >= 0 && int64(len(b)) > u.total-u.position {
		return fmt.Errorf("%w: more than the %d bytes of the upload", io.ErrUnexpectedEOF, u.total)
	}
	if skip := min(u.offset-u.position, int64(len(b))); skip > 0 { // the server has it
		u.position += skip
		b = b[skip:]
	}
	for len(b) > 0 {
		n := u.segment.add(b)
		if n == 0 {
			if err := u.send(ctx, u.position, false); err != nil {
				return err
			}
		}
		u.position += int64(n)
		b = b[n:]
	}
	return nil
}

// send sends the upload up to a position; if that is the last one, what completes it. What breaks
// off continues at the offset that the server reports.
func (u *upload) send(ctx context.Context, to int64, last bool) error {
	for u.offset < to || last && u.length < 0 {
		before := u.offset
		err := u.patch(ctx, to, last)
		if err == nil {
			u.most = min(2*u.most, maxSegment)
			continue
		}
		if err = u.c.again(ctx, err); err != nil {
			return err
		}
		s, err := u.c.state(ctx, u.url)
		if err != nil {
			return err
		}
		if err := u.check(s.offset, to); err != nil {
			return err
		}
		if s.length >= 0 && s.length != u.total && u.total >= 0 {
			return fmt.Errorf("the upload has %d bytes, with the stream it would have %d", s.length, u.total)
		}
		u.length = s.length
		u.advance(s.offset)
		if u.offset == before {
			u.most = max(u.most/4, minRequest)
		}
	}
	return nil
}

// minRequest is the least that a request is made smaller to, in bytes. Of one with a checksum a server
// keeps all or nothing, so over a line that breaks often only small ones arrive.
const minRequest = 64 << 10

// patch sends one request.
func (u *upload) patch(ctx context.Context, to int64, last bool) error {
	data := u.segment.first(min(to-u.offset, u.most))
	header := http.Header{}
	header.Set("Content-Type", ContentType)
	header.Set("Upload-Offset", strconv.FormatInt(u.offset, 10))
	if last && u.length < 0 {
		header.Set("Upload-Length", strconv.FormatInt(u.total, 10))
	}
	if u.checksum != "" {
		h := Checksums[u.checksum]()
		for _, b := range data {
			h.Write(b) // never fails, says hash.Hash
		}
		header.Set("Upload-Checksum", httpfield.FormatUploadChecksum(u.checksum, h.Sum(nil)))
	}
	h, _, err := u.c.do(ctx, http.MethodPatch, u.url, header, data)
	if err != nil {
		return err
	}
	offset := number(h, "Upload-Offset")
	if err := u.check(offset, to); err != nil {
		return err
	}
	if last {
		u.length = u.total
	}
	if offset == u.offset && len(data) > 0 {
		return retryableError{errors.New("the server took nothing")}
	}
	u.advance(offset)
	return nil
}

// check refuses an offset that cannot be: before what the server has acknowledged, or behind what it
// can have got.
func (u *upload) check(offset, to int64) error {
	if offset < u.offset || offset > to {
		return fmt.Errorf("the server is at byte %d of the upload: want %d to %d", offset, u.offset, to)
	}
	return nil
}

// advance releases what the server has acknowledged.
func (u *upload) advance(offset int64) {
	if offset == u.offset {
		return
	}
	u.segment.drop(offset - u.offset)
	u.offset, u.c.offset = offset, offset
	u.c.retry.Progress()
}

// finish is the last step.
func (u *upload) finish(ctx context.Context, failed error) error {
	defer u.c.release()
	defer func() {
		if !u.c.busy {
			u.segment.release()
		}
	}()
	var err error
	if failed == nil {
		if err = u.publish(ctx); err == nil {
			return nil
		}
	}
	if !u.created || u.o.Keep {
		return err
	}
	if rerr := u.c.remove(ctx, u.url); rerr != nil {
		rerr = fmt.Errorf("the upload %s is left behind: %w", httpclient.PlainURL(u.url), rerr)
		if err == nil {
			return rerr
		}
		return fmt.Errorf("%w; %w", err, rerr)
	}
	return err
}

// publish completes the upload.
func (u *upload) publish(ctx context.Context) error {
	if !u.ended {
		return errStoppedEarly
	}
	ctx, cancel := u.c.limited(ctx)
	defer cancel()
	if also := u.o.Context; also != nil {
		both, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer ioctx.Interrupt(also, func() { cancel(context.Cause(also)) })()
		ctx = both
	}
	if u.url == nil { // an empty stream
		return u.create(ctx, 0)
	}
	return u.send(ctx, u.total, true)
}
