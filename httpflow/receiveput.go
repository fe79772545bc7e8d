package httpflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"net/http"
	"slices"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// receiveBuffer is what one channel of a flow that receives may hold, in bytes. Its chunks begin
// with 16 KiB and grow for clients that fill them.
const receiveBuffer = 128 << 10

// put receives a file.
func (q *receiveRequest) put(isDir bool) {
	createOnly := q.rc.opts.NoClobber || createsOnly(q.x.request.Header)
	_, err := q.rc.check(q.name, q.x.request.Header, createOnly)
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
	digests := newDigests(r)
	release := func() {}
	defer func() { release() }()
	var was target
	verify := verified("digest", digests.hashes(), digests.verify, func(ctx context.Context) (err error) {
		// The last look at what is there. From here on no other request publishes under this name.
		release, err = q.rc.names.lock(ctx, q.name, nil, false)
		if err != nil {
			release = func() {}
			return err
		}
		was, err = q.rc.check(q.name, r.Header, createOnly)
		return err
	})
	p := sources.Request(q.x, q.body.request()).Via(verify).
		To(sinks.FileWith(q.name, sinks.FileOptions{Root: q.rc.root, NoClobber: createOnly}))
	p.Buffer = receiveBuffer
	defer q.endWithClient()()
	if _, err := p.Run(context.WithoutCancel(q.x.ctx)); err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusCreated, header: http.Header{"Repr-Digest": {digests.field()}}}
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

// digests are what the body of a PUT should have, and has.
type digests struct {
	request *http.Request
	sums    map[string]hash.Hash
}

// newDigests takes the hashes that may be needed: sha-256 always, for the answer.
func newDigests(r *http.Request) *digests {
	d := &digests{r, map[string]hash.Hash{"sha-256": sha256.New()}}
	for _, field := range digestFields {
		claimed, _ := httpfield.Digests(r.Header[field])
		_, announced := r.Trailer[field]
		if announced || slices.ContainsFunc(claimed, func(d httpfield.Digest) bool { return d.Algorithm == "sha-512" }) {
			d.sums["sha-512"] = sha512.New()
		}
	}
	return d
}

func (d *digests) hashes() (all []hash.Hash) {
	for _, h := range d.sums {
		all = append(all, h)
	}
	return all
}

// verify compares. It is called when all of the body has been read, and the trailer.
func (d *digests) verify() error {
	for _, h := range []http.Header{d.request.Header, d.request.Trailer} {
		for _, field := range digestFields {
			claimed, ok := httpfield.Digests(h[field])
			if !ok {
				return errDigest
			}
			for _, c := range claimed {
				if h := d.sums[c.Algorithm]; h != nil && !bytes.Equal(h.Sum(nil), c.Sum) {
					return errDigest
				}
			}
		}
	}
	return nil
}

func (d *digests) field() string {
	return httpfield.Digest{Algorithm: "sha-256", Sum: d.sums["sha-256"].Sum(nil)}.String()
}

// verified passes a stream on, and hashes it. At its end, verify may fail it, which is before
// anything is published, and last has a say right before that.
func verified(name string, hashes []hash.Hash, verify func() error, last func(ctx context.Context) error) pipeline.Stage {
	return pipeline.NewStage(name, func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		out.AtEnd(func(ctx context.Context, failed error) error {
			if failed != nil || last == nil {
				return nil
			}
			return last(ctx)
		})
		begun := false
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if size, known := in.Size(); known && !begun {
				out.SetSize(size)
			}
			begun = true
			for _, h := range hashes {
				h.Write(c.Bytes()) // never fails, says hash.Hash
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return verify()
	})
}
