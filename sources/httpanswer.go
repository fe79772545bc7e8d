package sources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
)

// part is which part of the file an answer's body has, seen from where the download is.
type part struct {
	nothing bool    // the file is complete without it
	whole   bool    // it goes to the end of the file
	skip    int64   // bytes at its beginning that are there already
	length  int64   // bytes after these; -1 if unknown
	claims  []claim // about the content of this body alone
}

// errUnexpectedStatus is an answer with another status than one for the file.
var errUnexpectedStatus = errors.New("unexpected status")

// judge decides what an answer means for the download.
func (d *download) judge(ctx context.Context, resp *http.Response) (part, error) {
	switch status := resp.StatusCode; {
	case status == http.StatusRequestedRangeNotSatisfiable && d.pos > 0:
		return d.judgeUnsatisfied(ctx, resp)
	case status < 200 || status > 299:
		return part{}, errUnexpectedStatus
	}
	switch partial := resp.StatusCode == http.StatusPartialContent; {
	case partial && d.pos > 0:
		return d.judgePartial(ctx, resp)
	case partial && !hasAll(resp):
		return part{}, fmt.Errorf("%w: a part of the file, which was not asked for", httpclient.StatusError(http.MethodGet, resp, nil))
	case d.o.RequireLength && unframed(resp):
		return part{}, ErrNoLength
	case d.pos > 0 && (resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusResetContent):
		return part{}, d.changed("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case d.pos > 0:
		return d.judgeAgain(ctx, resp)
	}
	return d.judgeWhole(ctx, resp) // a success that is not known is one like 200 (section 15)
}

// hasAll reports whether a 206 has the whole file.
func hasAll(resp *http.Response) bool {
	r, ok := httpfield.ParseContentRange(resp.Header.Values("Content-Range"))
	n := r.Last + 1
	return ok && r.First == 0 && r.Size == n && (resp.ContentLength < 0 || resp.ContentLength == n)
}

// unframed reports whether only the end of the connection ends a body (RFC 9112 section 6.3, case
// 8).
func unframed(resp *http.Response) bool {
	return resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && resp.ProtoMajor == 1
}

// judgeWhole takes a file from its beginning. If an earlier answer was about another version,
// nothing of that was emitted.
func (d *download) judgeWhole(ctx context.Context, resp *http.Response) (part, error) {
	d.validator, d.size = validatorOf(resp.Header), resp.ContentLength
	if r, ok := httpfield.ParseContentRange(resp.Header.Values("Content-Range")); ok && resp.StatusCode == http.StatusPartialContent {
		d.size = r.Size
	}
	d.validator.Size = max(0, d.size)
	return part{whole: true, length: d.size}, d.begin(ctx, resp, true)
}

// judgeAgain takes the whole file where only the rest was asked for.
func (d *download) judgeAgain(ctx context.Context, resp *http.Response) (part, error) {
	if d.validator.ETag == "" {
		return part{}, d.changed("the server sends it from the beginning, and without an ETag there is no proof that it is the same")
	}
	if why := d.validator.contradicts(resp.Header, false); why != "" {
		return part{}, d.changed("%s", why)
	}
	n := resp.ContentLength
	if n >= 0 && d.size >= 0 && n != d.size {
		return part{}, d.changed("it had %d bytes and has now %d", d.size, n)
	}
	if n >= 0 {
		if n < d.pos {
			return part{}, d.changed("it has only %d bytes", n)
		}
		d.size = n
	}
	p := part{whole: true, skip: d.pos, length: -1}
	if d.size >= 0 {
		p.length = d.size - d.pos
	}
	return p, d.begin(ctx, resp, true)
}

// judgePartial takes the rest of the file, or the beginning of that.
func (d *download) judgePartial(ctx context.Context, resp *http.Response) (part, error) {
	r, ok := httpfield.ParseContentRange(resp.Header.Values("Content-Range"))
	switch {
	case !ok || r.First < 0:
		return part{}, d.changed("the Content-Range %.100q says nothing", resp.Header.Values("Content-Range"))
	case r.First != d.pos:
		return part{}, d.changed("the server sends it from byte %d", r.First)
	case d.size >= 0 && r.Size < 0:
		return part{}, d.changed("it had %d bytes, and the server does not say how many it has now", d.size)
	case d.size >= 0 && r.Size != d.size:
		return part{}, d.changed("it had %d bytes and has now %d", d.size, r.Size)
	case resp.ContentLength >= 0 && resp.ContentLength != r.Last-r.First+1:
		return part{}, d.changed("the Content-Range %.100q does not have the %d bytes of Content-Length", resp.Header.Get("Content-Range"), resp.ContentLength)
	}
	if why := d.validator.contradicts(resp.Header, false); why != "" {
		return part{}, d.changed("%s", why)
	}
	d.size = r.Size
	p := part{length: r.Last - r.First + 1, claims: claimsOf(resp.Header, httpfield.ContentDigest)}
	return p, d.begin(ctx, resp, false)
}

// judgeUnsatisfied takes the answer that there is nothing from d.pos on (RFC 9110 section 15.5.17).
func (d *download) judgeUnsatisfied(ctx context.Context, resp *http.Response) (part, error) {
	r, ok := httpfield.ParseContentRange(resp.Header.Values("Content-Range"))
	switch {
	case !ok || r.First >= 0:
		return part{}, d.changed("the server has nothing there, and does not say how many bytes it has")
	case r.Size != d.pos || d.size >= 0 && r.Size != d.size:
		return part{}, d.changed("it has now %d bytes", r.Size)
	}
	if why := d.validator.contradicts(resp.Header, true); why != "" {
		return part{}, d.changed("%s", why)
	}
	d.size = r.Size
	return part{nothing: true}, d.begin(ctx, resp, false)
}

// begin looks at the digests of an accepted answer, and tells of the first. whole: the body has the
// whole file, so that Content-Digest is about that too.
func (d *download) begin(ctx context.Context, resp *http.Response, whole bool) error {
	claims := claimsOf(resp.Header, httpfield.ReprDigest)
	if whole {
		claims = append(claims, claimsOf(resp.Header, httpfield.ContentDigest)...)
	}
	if d.begun && d.pos > 0 {
		for _, c := range claims {
			if earlier, found := d.digests.contradicts(c); found {
				return d.changed("its %s was %x and is now %x", c.algorithm, earlier.sum, c.sum)
			}
		}
		d.digests.add(claims)
		return nil
	}
	if err := d.startDigests(ctx, resp, claims); err != nil {
		return err
	}
	d.begun = true
	if d.o.OnAnswer != nil {
		d.validator.Size = max(0, d.size)
		r := remoteOf(resp)
		r.Size, r.Validator = d.size, d.validator
		d.o.OnAnswer(r)
	}
	return nil
}

// remoteOf is what an answer says by itself.
func remoteOf(resp *http.Response) Remote {
	r := Remote{Header: resp.Header.Clone(), Size: resp.ContentLength, Validator: validatorOf(resp.Header)}
	if resp.Request != nil && resp.Request.URL != nil {
		r.URL = resp.Request.URL.String()
	}
	return r
}

// startDigests begins to hash the file.
func (d *download) startDigests(ctx context.Context, resp *http.Response, claims []claim) error {
	if d.o.Hash != nil {
		claims = append(claims, claim{sum: d.o.Sum})
	}
	_, repr := resp.Trailer[httpfield.ReprDigest]
	_, content := resp.Trailer[httpfield.ContentDigest]
	d.digests = digests{}
	if d.o.Offset > 0 && d.o.Prior == nil {
		return nil
	}
	// Where two claims are about one algorithm, both are verified.
	d.digests.start(slices.Clip(claims), d.o.Hash, repr || content)
	if d.o.Offset > 0 && len(d.digests.hashes) > 0 {
		return d.digests.prior(ctx, d.o.Prior, d.o.Offset)
	}
	return nil
}
