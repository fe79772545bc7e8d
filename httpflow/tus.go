package httpflow

import (
	"bytes"
	"context"
	"errors"
	"hash"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/tus"
)

// What a receiver of tus 1.0 can do.
const (
	tusExtensions = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration"
	tusChecksums  = "sha1,sha256,sha512" // the keys of tus.Checksums
)

// tusOptions is the answer to OPTIONS.
func tusOptions(upload bool, opts ReceiverOptions) http.Header {
	h := http.Header{
		"Allow":                  {allowed(upload)},
		"Tus-Resumable":          {tus.Version},
		"Tus-Version":            {tus.Version},
		"Tus-Extension":          {tusExtensions},
		"Tus-Checksum-Algorithm": {tusChecksums},
	}
	if opts.Expires < 0 {
		h.Set("Tus-Extension", strings.TrimSuffix(tusExtensions, ",expiration"))
	}
	if opts.MaxSize > 0 {
		h.Set("Tus-Max-Size", strconv.FormatInt(opts.MaxSize, 10))
	}
	return h
}

// createUpload answers a POST: tus, Creation and Creation With Upload.
func (q *receiveRequest) createUpload(isDir bool) {
	r := q.x.request
	rec, status := decideCreate(r.Header, r.ContentLength, q.rc.opts)
	if status == 0 && isDir {
		rec.Name, status = named(q.name, rec.filename)
	} else {
		rec.Name, rec.filename = q.name, path.Base(r.URL.Path)
	}
	if status != 0 {
		q.reply(refuse(q.method, status, http.Header{}))
		return
	}
	q.rc.uploads.expire(filepath.Dir(rec.Name))
	header, err := q.begin(rec)
	if err != nil {
		q.fail(err)
		return
	}
	q.reply(answer{status: http.StatusCreated, header: header})
}

// begin makes an upload, and appends the request's body.
func (q *receiveRequest) begin(c creation) (http.Header, error) {
	noClobber := q.rc.opts.NoClobber || createsOnly(c.Conditions)
	var u *upload
	err := filelimit.Retry(q.x.ctx, func() error {
		_, err := q.rc.check(c.Name, c.Conditions, noClobber)
		if err == nil {
			u, err = q.rc.uploads.create(c.record)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	ctx := context.WithoutCancel(q.x.ctx)
	release, other := q.rc.uploads.locks.try(u.id, func() { q.body.stop(errSuperseded) })
	if other != nil {
		return nil, errBusy // never: the id is new
	}
	defer release()
	header := http.Header{"Location": {(&url.URL{Path: c.filename, RawQuery: "upload=" + u.id}).String()}}
	if c.withBody {
		if err := q.receive(ctx, u, c.sum); err != nil {
			return nil, errors.Join(err, q.rc.uploads.remove(u)) // no client knows its URL
		}
		header.Set("Upload-Offset", strconv.FormatInt(u.offset, 10))
	}
	if u.complete() {
		if err := q.rc.publish(ctx, u); err != nil {
			return nil, errors.Join(err, q.rc.uploads.remove(u))
		}
	}
	q.describe(header, u)
	return header, nil
}

// receive appends the request's body. An error tells also that it broke off.
func (q *receiveRequest) receive(ctx context.Context, u *upload, sum *checksum) error {
	defer q.endWithClient()()
	if u.Length >= 0 {
		q.body.limit(u.Length - u.offset)
	} else if limit := q.rc.opts.MaxSize; limit > 0 {
		q.body.limit(max(0, limit-u.offset))
	}
	q.body.partial = sum == nil
	if err := q.rc.uploads.append(ctx, u, sources.Request(q.x, q.body.request()), sum); err != nil {
		return err
	}
	return q.body.why
}

// useUpload answers what concerns an upload that exists. It holds it until all is done but the
// answer: then the client's next request may come.
func (q *receiveRequest) useUpload(id string) {
	status, header, err := q.work(id)
	switch {
	case err != nil:
		q.fail(err)
	case status < 300:
		q.reply(answer{status: status, header: header})
	default:
		q.reply(refuse(q.method, status, header))
	}
}

func (q *receiveRequest) work(id string) (status int, header http.Header, err error) {
	header = http.Header{"Cache-Control": {"no-store"}}
	ctx := context.WithoutCancel(q.x.ctx)
	var stop func()
	if q.method == http.MethodPatch {
		stop = func() { q.body.stop(errSuperseded) }
	}
	release, err := q.rc.uploads.locks.lock(q.x.ctx, id, stop, q.method != http.MethodPatch)
	if errors.Is(err, errBusy) {
		return http.StatusLocked, header, nil
	} else if err != nil {
		return 0, header, err
	}
	defer release()
	var u *upload
	err = filelimit.Retry(ctx, func() (err error) {
		u, err = q.rc.uploads.load(q.name, id)
		return err
	})
	switch {
	case errors.Is(err, errNoUpload):
		return http.StatusNotFound, header, nil
	case errors.Is(err, errExpired):
		return http.StatusGone, header, nil
	case err != nil:
		return 0, header, err
	case q.method == http.MethodDelete: // tus, Termination
		return http.StatusNoContent, header, q.rc.uploads.remove(u)
	}
	if q.method == http.MethodPatch {
		sum, refusal := decidePatch(q.x.request.Header, q.x.request.ContentLength, u, q.rc.opts)
		if refusal != 0 {
			return refusal, header, nil
		}
		if err := q.patch(ctx, u, sum); err != nil {
			return 0, header, err
		}
	} else if !u.published {
		if err := filelimit.Retry(ctx, func() error { return q.rc.uploads.sync(u) }); err != nil {
			return 0, header, err
		}
	}
	if u.complete() && !u.published {
		if err := q.rc.publish(ctx, u); err != nil {
			return 0, header, err
		}
	}
	q.describe(header, u)
	header.Set("Upload-Offset", strconv.FormatInt(u.offset, 10))
	if q.method == http.MethodPatch {
		return http.StatusNoContent, header, nil
	}
	if u.Length < 0 {
		header.Set("Upload-Defer-Length", "1")
	} else {
		header.Set("Upload-Length", strconv.FormatInt(u.Length, 10))
	}
	if u.Metadata != "" {
		header.Set("Upload-Metadata", u.Metadata)
	}
	return http.StatusOK, header, nil
}

// patch appends the request's body to an upload that is not complete.
func (q *receiveRequest) patch(ctx context.Context, u *upload, sum *checksum) error {
	if length, _ := httpfield.UploadLength(q.x.request.Header["Upload-Length"]); length >= 0 && u.Length < 0 {
		u.Length = length
		if err := q.rc.uploads.save(u); err != nil {
			return err
		}
	}
	if u.published {
		return nil
	}
	return q.receive(ctx, u, sum)
}

// publish puts a complete upload in its file's place.
func (rc *receiver) publish(ctx context.Context, u *upload) error {
	release, err := rc.names.lock(ctx, u.Name, nil, false)
	if err != nil {
		return err
	}
	defer release()
	createOnly := rc.opts.NoClobber || createsOnly(u.Conditions)
	if _, err := rc.check(u.Name, u.Conditions, createOnly); err != nil {
		return err
	}
	return filelimit.Retry(ctx, func() error { return rc.uploads.publish(u, createOnly) })
}

// describe tells when the upload expires.
func (q *receiveRequest) describe(h http.Header, u *upload) {
	if !u.published && !u.expires.IsZero() {
		h.Set("Upload-Expires", u.expires.UTC().Format(http.TimeFormat))
	}
}

// A creation is what a POST wants.
type creation struct {
	record
	filename string // below the URL's directory
	withBody bool
	sum      *checksum
}

// decideCreate decides about the header of a POST: it returns what is to be made, or a status.
func decideCreate(h http.Header, contentLength int64, opts ReceiverOptions) (c creation, status int) {
	metadata, ok := httpfield.UploadMetadata(h["Upload-Metadata"])
	length, lengthOK := httpfield.UploadLength(h["Upload-Length"])
	deferred, isDeferred := h["Upload-Defer-Length"]
	_, concat := h["Upload-Concat"] // an extension that is not there
	c = creation{
		record:   record{Length: length, Conditions: conditions(h)},
		filename: metadata["filename"],
		withBody: contentLength != 0,
	}
	switch {
	case !ok || !lengthOK || concat,
		(length >= 0) == isDeferred,
		isDeferred && (len(deferred) != 1 || deferred[0] != "1"):
		return c, http.StatusBadRequest
	}
	c.Metadata = strings.Join(h["Upload-Metadata"], ",")
	if c.withBody {
		if !isTusContent(h) {
			return c, http.StatusUnsupportedMediaType
		}
		if c.sum, ok = parseChecksum(h["Upload-Checksum"]); !ok {
			return c, http.StatusBadRequest
		}
	}
	if opts.MaxSize > 0 && max(length, contentLength) > opts.MaxSize || length >= 0 && contentLength > length {
		return c, http.StatusRequestEntityTooLarge
	}
	return c, 0
}

// named is the name of the file called filename in dir.
func named(dir, filename string) (name string, status int) {
	local, isDir, ok := localName("/"+filename, false)
	if !ok || isDir {
		return "", http.StatusBadRequest
	}
	return filepath.Join(dir, local), 0
}

// decidePatch decides about the header of a PATCH, for the upload as it is. 0 means that it may go
// on.
func decidePatch(h http.Header, contentLength int64, u *upload, opts ReceiverOptions) (sum *checksum, status int) {
	if !isTusContent(h) {
		return nil, http.StatusUnsupportedMediaType
	}
	offset, ok := httpfield.UploadLength(h["Upload-Offset"])
	length, lengthOK := httpfield.UploadLength(h["Upload-Length"])
	sum, sumOK := parseChecksum(h["Upload-Checksum"])
	switch {
	case !ok || offset < 0 || !lengthOK || !sumOK:
		return nil, http.StatusBadRequest
	case offset != u.offset:
		return nil, http.StatusConflict
	case length >= 0 && (u.Length >= 0 && length != u.Length || length < offset): // "MUST NOT be changed"
		return nil, http.StatusBadRequest
	}
	length = max(length, u.Length)
	if opts.MaxSize > 0 && (length > opts.MaxSize || contentLength > opts.MaxSize-offset) ||
		length >= 0 && contentLength > length-offset {
		return nil, http.StatusRequestEntityTooLarge
	}
	return sum, 0
}

func isTusContent(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == tus.ContentType
}

// A checksum is what the body of one request should have.
type checksum struct {
	begin func() hash.Hash
	want  []byte
}

// parseChecksum parses Upload-Checksum. A field that is absent is nil.
func parseChecksum(values []string) (sum *checksum, ok bool) {
	algorithm, want, ok := httpfield.UploadChecksum(values)
	if algorithm == "" || !ok {
		return nil, ok
	}
	begin := tus.Checksums[algorithm]
	if begin == nil || len(want) != begin().Size() {
		return nil, false
	}
	return &checksum{begin, want}, true
}

func (c *checksum) verify(sum []byte) error {
	if !bytes.Equal(sum, c.want) {
		return errChecksum
	}
	return nil
}
