package httpflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/weirflow/weir/sinks"
)

// ReceiverOptions are the settings of [Receiver].
type ReceiverOptions struct {
	// MaxSize is how many bytes a file may have; 0 means any number. A larger one is answered with
	// 413: before anything is read if the client says how long it is, else when it gets that long.
	MaxSize int64

	// NoClobber keeps files that exist: every upload is as if it had If-None-Match: *.
	NoClobber bool

	// Expires is how long a resumable upload is kept after its last byte has come; 0 means a day,
	// negative for ever.
	Expires time.Duration

	// Limits say how long a client may take. Idle is how long the next bytes of a body may take, a
	// minute by default; MinRate is 1 KiB/s by default, negative means none; Total is for one
	// request's body. A request that exceeds one is answered with 408. An answer has the same Idle.
	Limits Limits

	// OnRequest, if not nil, is called at the end of every request, before the handler returns. The
	// Bytes of the outcome are what was received of the request's body, and Err also is why it was
	// too slow or is not complete; the latter is the client's doing.
	OnRequest func(r *http.Request, outcome Outcome)
}

// Receiver takes uploads into the folder root: PUT, and resumable ones by tus 1.0
// (https://tus.io/protocols/resumable-upload). The caller keeps root open as long as the handler is
// in use. Who may upload is for the caller to say, before the handler.
//
// # PUT
//
// A file appears under its name when all its bytes are there, are as many as the request said, have
// the digests that it said, and are on the disk; otherwise nothing of them is left. The answer is
// 201 for a new file and 204 for one that was replaced, with the ETag that [FileServer] would give,
// and a Repr-Digest (RFC 9530) with sha-256.
//
// If-None-Match: * does not replace a file, which is certain. If-Match and If-Unmodified-Since
// replace only what the client knows: that is looked at again right before the file is put in its
// place, and no other request to this handler comes between. Another process may. They fail with
// 412. Digests with sha-256 and sha-512, in Repr-Digest or Content-Digest, as header or as a
// trailer that the Trailer field announces, are verified; other algorithms are ignored.
//
// The paths are those of [FileServer]; what is 404 there, however it is asked for, is 404 here.
// These are 409: a path that names a folder or is in none (RFC 4918 §9.7.1), and what is not a
// regular file. Further: 400 for Content-Range (RFC 9110 §14.5), a body that breaks off, and
// digests that do not match or are malformed; 415 for a Content-Encoding; 507 for a full disk.
//
// # Resumable uploads
//
// POST to a file's path, or to a folder's with the name in the metadata "filename", begins an
// upload. Its URL is that of the file with ?upload=ID. The extensions are creation,
// creation-with-upload, creation-defer-length, termination, checksum (sha1, sha256, sha512) and
// expiration. The conditions of PUT may stand in the POST, and are for the file.
//
// What has come of an upload is in the file's folder under the name .tus-ID, and what is known
// about it in .tus-ID.json. So another process goes on where one has ended, and what was
// acknowledged is on the disk by then. A broken PATCH leaves what has come, unless it had a
// checksum. With the last byte the file appears, as with PUT, and nothing else is left; the URLs of
// the last 1000 uploads of this process go on telling that they are complete, until they expire.
// Expired uploads are removed by later requests to the folder. HEAD and
// DELETE end a PATCH that is still going on, because a client that asks has lost its connection; a
// second PATCH is 423. One process should serve a folder at a time.
//
// HEAD of a file has its size and ETag. What the root holds is not otherwise to be had here.
func Receiver(root *os.Root, opts ReceiverOptions) http.Handler {
	if opts.Limits.MinRate == 0 {
		opts.Limits.MinRate = 1 << 10
	}
	if opts.Expires == 0 {
		opts.Expires = 24 * time.Hour
	}
	return &receiver{root: root, opts: opts}
}

type receiver struct {
	root    *os.Root
	opts    ReceiverOptions
	names   holds // of files that are being published
	uploads holds // that are in use
	done    doneUploads
	sweeper sweeper
}

// A delivery is a request to a receiver being answered.
type delivery struct {
	*exchange
	*receiver
	body   *intake
	method string
	name   string // of the file, below the root
	left   bool   // the client, in the middle of the body
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := &delivery{receiver: rc, method: r.Method}
	d.exchange = newExchange(w, r, &Options{
		Limits: Limits{Idle: rc.opts.Limits.Idle},
		OnRequest: func(r *http.Request, o Outcome) {
			if rc.opts.OnRequest != nil {
				o.Bytes = d.body.received
				o.ClientLeft = o.ClientLeft || d.left
				rc.opts.OnRequest(r, o)
			}
		},
	})
	defer d.end()
	d.body = newIntake(w, r, rc.opts.Limits)
	defer d.body.end()
	if r.Header.Get("Tus-Resumable") != "" {
		if m := r.Header.Get("X-Http-Method-Override"); m != "" {
			d.method = m
		}
		d.Header().Set("Tus-Resumable", tusVersion)
	}
	a, done := decideReceive(d.method, r, rc.opts)
	if done {
		d.reply(a)
		return
	}
	name, folder, ok := localName(r.URL.Path, false)
	if !ok {
		d.reply(refuse(d.method, http.StatusNotFound, http.Header{}))
		return
	}
	d.name = name
	id := r.URL.Query().Get("upload")
	switch {
	case d.method == http.MethodPut:
		rc.expire(filepath.Dir(name))
		d.put(folder)
	case d.method == http.MethodPost:
		d.createUpload(folder)
	case id != "":
		d.useUpload(id)
	default: // HEAD
		d.head()
	}
}

// head tells the size and the validators of a file, as FileServer does.
func (d *delivery) head() {
	res, err := fileServer{root: d.root}.open(d.name, false, d.request)
	if err != nil {
		d.refuse(statusOf(err), err)
		return
	}
	d.serve(res)
}

// leaving ends the reading of the body with the request's context, until what it returns is called.
// Flows do not end with the context: what has come to its end is stored, also if the client does
// not wait for the answer.
func (d *delivery) leaving() (over func() bool) {
	ctx := d.request.Context()
	return context.AfterFunc(ctx, func() { d.body.stop(context.Cause(ctx)) })
}

// reply answers the request.
func (d *delivery) reply(a answer) {
	d.body.settle()
	if a.status == http.StatusCreated || a.status == http.StatusOK {
		a.header.Set("Content-Length", "0")
	}
	d.send(a)
	d.body.linger()
}

// fail answers with the status that err is about, and notes the error if it is not just one of the
// request.
func (d *delivery) fail(err error) {
	status := d.statusOf(err)
	switch {
	case d.body.broken != nil && errors.Is(err, d.body.broken):
		d.left, d.outcome.Err = true, err
	case status >= 500, errors.Is(err, ErrTooSlow):
		d.outcome.Err = err
	}
	a := refuse(d.method, status, http.Header{})
	if status == statusChecksumMismatch {
		a.text = "Checksum Mismatch\n"
	}
	d.reply(a)
}

var (
	errNowhere   = errors.New("there is no such place")
	errCondition = errors.New("the file is not the one that the request expects")
	errIsOther   = errors.New("is not a regular file")
	errDigest    = errors.New("the digest does not match")
)

func (d *delivery) statusOf(err error) int {
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case d.body.broken != nil && errors.Is(err, d.body.broken), errors.Is(err, errDigest):
		return http.StatusBadRequest
	case errors.Is(err, errNowhere):
		return http.StatusNotFound
	case errors.Is(err, ErrTooSlow):
		return http.StatusRequestTimeout
	case errors.Is(err, errSuperseded), errors.Is(err, errIsOther):
		return http.StatusConflict
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errChecksum):
		return statusChecksumMismatch
	case errors.Is(err, errCondition), errors.Is(err, fs.ErrExist):
		return http.StatusPreconditionFailed
	case diskFull(err):
		return http.StatusInsufficientStorage
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrNotExist):
		return http.StatusConflict
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return http.StatusForbidden
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM),
		d.request.Context().Err() != nil:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func diskFull(err error) bool {
	const windowsDiskFull = syscall.Errno(112) // ERROR_DISK_FULL
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull)
}

// look finds out what the name stands for now. The content is what HEAD would tell. A folder that
// is missing, or is none, is an error.
func (rc *receiver) look(name string) (t target, err error) {
	info, err := rc.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = rc.root.Stat(filepath.Dir(name))
		return target{}, err
	}
	switch {
	case err != nil && statusOf(err) == http.StatusNotFound && !errors.Is(err, syscall.ENOTDIR):
		return target{}, fmt.Errorf("%w: %w", errNowhere, err) // out of the root, in a circle, too long
	case err != nil:
		return target{}, err
	case !info.Mode().IsRegular():
		return target{exists: true, other: true}, nil
	}
	f, err := rc.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if errors.Is(err, fs.ErrPermission) { // it may be replaced, but nobody has seen it
		return target{exists: true}, nil
	} else if err != nil {
		return target{}, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return target{}, err
	}
	return target{exists: true, content: content{size: info.Size(), modTime: info.ModTime(), etag: fileTag(f, info)}}, nil
}

// files are the options of the sinks that write what is received.
func (rc *receiver) files() sinks.FileOptions { return sinks.FileOptions{Root: rc.root} }
