package httpflow

import (
	"bytes"
	"context"
	"net/http"
	"slices"

	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// receiveBuffer is what one channel of a flow that receives may hold, in bytes. Its chunks begin
// with 16 KiB and grow for clients that fill them.
const receiveBuffer = 128 << 10

// put receives a file.
func (q *receiveRequest) put(isDir bool) {
	createOnly := q.rc.opts.NoClobber || createsOnly(q.x.request.Header)
	err := filelimit.Retry(q.x.ctx, func() error {
		_, err := q.rc.check(q.name, q.x.request.Header, createOnly)
		return err
	})
	if err == nil && isDir {
		err = errIsOther
	}
	var a answer
	if err == nil {
		a, err = q.store(createOnly)
	}
	if err != nil {
		q.fail(err)
		return
	}
	q.reply(a)
}

// store writes the body to the file.
func (q *receiveRequest) store(createOnly bool) (answer, error) {
	r := q.x.request
	if limit := q.rc.opts.MaxSize; limit > 0 {
		q.body.limit(limit)
	}
	src := sources.Request(q.x, q.body.request())
	stored := httpfield.Digest{Algorithm: "sha-256"}
	for _, algorithm := range digestsFor(r) {
		src = src.Via(stages.Hash(httpfield.DigestAlgorithms[algorithm], func(sum []byte) error {
			if algorithm == stored.Algorithm {
				stored.Sum = sum
			}
			return verifyDigest(r, algorithm, sum)
		}))
	}
	var was target
	release := func() {}
	defer func() { release() }()
	file := sinks.FileWith(q.name, sinks.FileOptions{Root: q.rc.root, NoClobber: createOnly})
	p := src.To(pipeline.NewSink(q.name, func(ctx context.Context, in *pipeline.Inlet) error {
		if err := file.Run(ctx, in); err != nil {
			return err
		}
		in.AtEnd(func(ctx context.Context, failed error) error { // before the file's last step
			if failed != nil {
				return nil
			}
			// From here on no other request publishes under this name.
			free, err := q.rc.names.lock(ctx, q.name, nil, false)
			if err != nil {
				return err
			}
			release = free
			return filelimit.Retry(ctx, func() (err error) {
				was, err = q.rc.check(q.name, r.Header, createOnly)
				return err
			})
		})
		return nil
	}))
	p.Buffer = receiveBuffer
	defer q.endWithClient()()
	if _, err := p.Run(context.WithoutCancel(q.x.ctx)); err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusCreated, header: http.Header{httpfield.ReprDigest: {stored.String()}}}
	if was.exists { // RFC 9110 §9.3.4
		a.status = http.StatusNoContent
	}
	if now, err := q.rc.look(q.name); err == nil && now.etag != "" {
		a.header.Set("Etag", now.etag) // which §9.3.4 permits, as what is stored is what was sent
	}
	return a, nil
}

// digestFields are those of RFC 9530. Without a content coding they mean the same in a PUT.
var digestFields = []string{httpfield.ReprDigest, httpfield.ContentDigest}

// digestsFor are the algorithms that may be needed for the body of r: sha-256 always, for the answer.
func digestsFor(r *http.Request) []string {
	for _, field := range digestFields {
		claimed, _ := httpfield.Digests(r.Header[field])
		_, announced := r.Trailer[field]
		if announced || slices.ContainsFunc(claimed, func(d httpfield.Digest) bool { return d.Algorithm == "sha-512" }) {
			return []string{"sha-256", "sha-512"}
		}
	}
	return []string{"sha-256"}
}

// verifyDigest compares sum with what the header and the trailer of r say. The body has been read to
// its end, and so has the trailer.
func verifyDigest(r *http.Request, algorithm string, sum []byte) error {
	for _, h := range []http.Header{r.Header, r.Trailer} {
		for _, field := range digestFields {
			claimed, ok := httpfield.Digests(h[field])
			if !ok || slices.ContainsFunc(claimed, func(d httpfield.Digest) bool { return d.Algorithm == algorithm && !bytes.Equal(d.Sum, sum) }) {
				return errDigest
			}
		}
	}
	return nil
}
