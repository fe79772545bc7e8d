package httpflow

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// createUpload answers a POST: tus, Creation and Creation With Upload.
func (d *delivery) createUpload(folder bool) {
	r := d.request
	rec, status := decideCreate(r.Header, r.ContentLength, d.receiver.opts)
	if status == 0 && folder {
		rec.Name, status = named(d.name, rec.filename)
	} else {
		rec.Name, rec.filename = d.name, path.Base(r.URL.Path)
	}
	if status != 0 {
		d.reply(refuse(d.method, status, http.Header{}))
		return
	}
	d.expire(filepath.Dir(rec.Name))
	header, err := d.begin(rec)
	if err != nil {
		d.fail(err)
		return
	}
	d.reply(answer{status: http.StatusCreated, header: header})
}

// begin makes an upload, and appends the request's body.
func (d *delivery) begin(c creation) (http.Header, error) {
	noClobber := d.receiver.opts.NoClobber || createsOnly(c.Conditions)
	if _, err := d.check(c.Name, c.Conditions, noClobber); err != nil {
		return nil, err
	}
	ctx := context.WithoutCancel(d.ctx)
	u, id, err := d.newUpload(c.record)
	if err != nil {
		return nil, err
	}
	release, other := d.uploads.try(id, func() { d.body.stop(errSuperseded) })
	if other != nil {
		return nil, errBusy // never: the id is new
	}
	defer release()
	header := http.Header{"Location": {(&url.URL{Path: c.filename, RawQuery: "upload=" + id}).String()}}
	if c.withBody {
		if err := d.receive(ctx, u, c.sum); err != nil {
			return nil, errors.Join(err, d.remove(u)) // nobody knows its URL
		}
		header.Set("Upload-Offset", strconv.FormatInt(u.offset, 10))
	}
	if u.complete() {
		if err := d.publish(ctx, u); err != nil {
			return nil, errors.Join(err, d.remove(u))
		}
	}
	d.describe(header, u)
	return header, nil
}

// receive appends the request's body. An error tells also that it broke off.
func (d *delivery) receive(ctx context.Context, u *upload, sum *checksum) error {
	defer d.leaving()()
	if err := d.extend(ctx, u, sum); err != nil {
		return err
	}
	return d.body.why
}

// useUpload answers what concerns an upload that exists. It holds it until all is done but the
// answer: then the client's next request may come.
func (d *delivery) useUpload(id string) {
	status, header, err := d.work(id)
	switch {
	case err != nil:
		d.fail(err)
	case status < 300:
		d.reply(answer{status: status, header: header})
	default:
		d.reply(refuse(d.method, status, header))
	}
}

func (d *delivery) work(id string) (status int, header http.Header, err error) {
	header = http.Header{"Cache-Control": {"no-store"}}
	ctx := context.WithoutCancel(d.ctx)
	var stop func()
	if d.method == http.MethodPatch {
		stop = func() { d.body.stop(errSuperseded) }
	}
	release, err := d.uploads.take(d.ctx, id, stop, d.method != http.MethodPatch)
	if errors.Is(err, errBusy) {
		return http.StatusLocked, header, nil
	} else if err != nil {
		return 0, header, err
	}
	defer release()
	u, err := d.load(d.name, id)
	switch {
	case errors.Is(err, errNoUpload):
		return http.StatusNotFound, header, nil
	case errors.Is(err, errExpired):
		return http.StatusGone, header, nil
	case err != nil:
		return 0, header, err
	case d.method == http.MethodDelete: // tus, Termination
		return http.StatusNoContent, header, d.remove(u)
	}
	if d.method == http.MethodPatch {
		sum, refusal := decidePatch(d.request.Header, d.request.ContentLength, u, d.receiver.opts)
		if refusal != 0 {
			return refusal, header, nil
		}
		if err := d.patch(ctx, u, sum); err != nil {
			return 0, header, err
		}
	} else if !u.published {
		if err := d.sync(u); err != nil {
			return 0, header, err
		}
	}
	if u.complete() && !u.published {
		if err := d.publish(ctx, u); err != nil {
			return 0, header, err
		}
	}
	d.describe(header, u)
	header.Set("Upload-Offset", strconv.FormatInt(u.offset, 10))
	if d.method == http.MethodPatch {
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
func (d *delivery) patch(ctx context.Context, u *upload, sum *checksum) error {
	if length, _ := parseLength(d.request.Header["Upload-Length"]); length >= 0 && u.Length < 0 {
		u.Length = length
		if err := d.save(u); err != nil {
			return err
		}
	}
	if u.published {
		return nil
	}
	return d.receive(ctx, u, sum)
}

// describe tells when the upload expires.
func (d *delivery) describe(h http.Header, u *upload) {
	if !u.published && !u.expires.IsZero() {
		h.Set("Upload-Expires", u.expires.UTC().Format(http.TimeFormat))
	}
}

// A creation is what a POST wants.
type creation struct {
	record
	filename string // below the URL's folder
	withBody bool
	sum      *checksum
}

// decideCreate decides about the header of a POST: it returns what is to be made, or a status.
func decideCreate(h http.Header, contentLength int64, opts ReceiverOptions) (c creation, status int) {
	metadata, ok := parseMetadata(h["Upload-Metadata"])
	length, lengthOK := parseLength(h["Upload-Length"])
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

// named is the name of the file called filename in a folder.
func named(folder, filename string) (name string, status int) {
	local, isFolder, ok := localName("/"+filename, false)
	if !ok || isFolder {
		return "", http.StatusBadRequest
	}
	return filepath.Join(folder, local), 0
}

// decidePatch decides about the header of a PATCH, for the upload as it is. 0 means that it may go
// on.
func decidePatch(h http.Header, contentLength int64, u *upload, opts ReceiverOptions) (sum *checksum, status int) {
	if !isTusContent(h) {
		return nil, http.StatusUnsupportedMediaType
	}
	offset, ok := parseLength(h["Upload-Offset"])
	length, lengthOK := parseLength(h["Upload-Length"])
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
	return err == nil && kind == tusContent
}
