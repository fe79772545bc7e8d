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

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// ReceiverOptions are the settings of [Receiver].
type ReceiverOptions struct {
	// MaxSize is how many bytes a file may have; 0 means any number. A larger one is answered with
	// 413: before anything is read if the client says how long it is, else when it gets that long.
	MaxSize int64

	// NoClobber keeps files that exist: every upload is as if it had If-None-Match: *.
	NoClobber bool

	// Expires is how long a resumable upload is kept after its last byte; 0 means a day, negative
	// for ever.
	Expires time.Duration

	// Limits are how long a client may take for a request's body. Here the default of MinRate is
	// 1 KiB/s, and that of MinRateWindow 10 s. A request that exceeds one is answered with 408. For
	// an answer, Idle is the same.
	Limits transfer.Limits

	// OnRequest, if not nil, is called at the end of every request, before the handler returns. Bytes
	// of the outcome are those received of the request's body. Err is also why that was too slow or,
	// with ClientGone, incomplete.
	OnRequest func(r *http.Request, outcome Outcome)
}

// Receiver takes uploads into the directory root: by PUT, and resumable ones by tus 1.0
// (https://tus.io/protocols/resumable-upload). The caller keeps root open as long as the handler is
// in use, and decides who may upload before it calls the handler.
//
// # PUT
//
// A file appears under its name when it has all its bytes, as many as the request says and with the
// digests that it says, and they are durable; otherwise nothing of it is left. The answer is 201 for
// a new file and 204 for one that was replaced, with the ETag that [FileServer] would give, and a
// Repr-Digest (RFC 9530) with sha-256.
//
// If-None-Match: * never replaces a file. If-Match and If-Unmodified-Since replace only the file that
// the client knows: they are evaluated again right before the file is put in place, and no other
// request to this handler comes between; another process may. They fail with 412. Digests with
// sha-256 and sha-512, in Repr-Digest or Content-Digest, as a header field or as a trailer that the
// Trailer field announces, are verified; other algorithms are ignored.
//
// The paths are those of [FileServer]; what is 404 there for every client is 404 here. These are 409:
// a path that names a directory or is in none (RFC 4918 §9.7.1), and what is not a regular file.
// Further: 400 for Content-Range (RFC 9110 §14.5), a body that breaks off, and digests that do not
// match or are malformed; 415 for a Content-Encoding; 507 for a full disk.
//
// # Resumable uploads
//
// POST to a file's path, or to a directory's with the name in the metadata "filename", creates an
// upload. Its URL is that of the file with ?upload=ID. The extensions are creation,
// creation-with-upload, creation-defer-length, termination, checksum (sha1, sha256, sha512) and
// expiration. The conditions of PUT may stand in the POST, and are for the file.
//
// The bytes of an upload are in the file's directory under the name .tus-ID, and its record in
// .tus-ID.json. So another process can resume an upload, and acknowledged bytes are durable. A broken
// PATCH keeps the bytes that came, unless it had a checksum. With the last byte the file appears, as
// with PUT, and nothing else is left; the URLs of the last 1000 uploads of this process report that
// they are complete until they expire. Expired uploads are removed by later requests to the
// directory. HEAD and DELETE end a PATCH that is under way, because a client that asks has lost its
// connection; a second PATCH is 423. One process should serve a directory at a time.
//
// Where the process has no descriptor left, a request waits for one, for up to 10 s, and is then answered
// with 503.
//
// HEAD of a file has its size and ETag. The contents of the root are not otherwise served.
func Receiver(root *os.Root, opts ReceiverOptions) http.Handler {
	if opts.Limits.MinRate == 0 {
		opts.Limits.MinRate = 1 << 10
	}
	if opts.Limits.MinRateWindow == 0 {
		opts.Limits.MinRateWindow = 10 * time.Second
	}
	if opts.Expires == 0 {
		opts.Expires = 24 * time.Hour
	}
	return &receiver{root: root, opts: opts, uploads: uploadStore{root: root, keep: opts.Expires}}
}

type receiver struct {
	root    *os.Root
	opts    ReceiverOptions
	names   locks // of files that are being published
	uploads uploadStore
}

// A receiveRequest is a request to a receiver being answered.
type receiveRequest struct {
	rc         *receiver
	x          *exchange
	body       *requestBody
	method     string
	name       string // of the file, below the root
	clientGone bool   // in the middle of the body
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &receiveRequest{rc: rc, method: r.Method}
	q.x = newExchange(w, r, &Options{
		Limits: transfer.Limits{Idle: rc.opts.Limits.Idle},
		OnRequest: func(r *http.Request, o Outcome) {
			if rc.opts.OnRequest != nil {
				o.Bytes = q.body.received
				o.ClientGone = o.ClientGone || q.clientGone
				rc.opts.OnRequest(r, o)
			}
		},
	})
	defer q.x.end()
	q.body = newRequestBody(w, r, rc.opts.Limits)
	defer q.body.end()
	if r.Header.Get("Tus-Resumable") != "" {
		if m := r.Header.Get("X-Http-Method-Override"); m != "" {
			q.method = m
		}
		w.Header().Set("Tus-Resumable", tus.Version)
	}
	a, done := decideReceive(q.method, r, rc.opts)
	if done {
		q.reply(a)
		return
	}
	name, isDir, ok := localName(r.URL.Path, false)
	if !ok {
		q.reply(refuse(q.method, http.StatusNotFound, http.Header{}))
		return
	}
	q.name = name
	id := r.URL.Query().Get("upload")
	switch {
	case q.method == http.MethodPut:
		rc.uploads.expire(filepath.Dir(name))
		q.put(isDir)
	case q.method == http.MethodPost:
		q.createUpload(isDir)
	case id != "":
		q.useUpload(id)
	default: // HEAD
		q.head()
	}
}

// head answers with the size and the validators of a file, as FileServer does.
func (q *receiveRequest) head() {
	var res *resource
	err := filelimit.Retry(q.x.ctx, func() (err error) {
		res, err = fileServer{root: q.rc.root}.open(q.name, false, q.x.request)
		return err
	})
	if err != nil {
		q.x.refuse(statusOf(err), err)
		return
	}
	q.x.serve(res)
}

// endWithClient ends the reading of the body with the request's context, until the function that it
// returns is called. Flows do not end with the context: a body that was received to its end is
// stored, also if the client does not wait for the answer.
func (q *receiveRequest) endWithClient() (release func() bool) {
	ctx := q.x.request.Context()
	return context.AfterFunc(ctx, func() { q.body.stop(context.Cause(ctx)) })
}

// reply answers the request.
func (q *receiveRequest) reply(a answer) {
	q.body.settle()
	if a.status == http.StatusCreated || a.status == http.StatusOK {
		a.header.Set("Content-Length", "0")
	}
	q.x.send(a)
	q.body.linger()
}

// fail answers with the status for err. The error is part of the outcome unless it is only one of
// the request.
func (q *receiveRequest) fail(err error) {
	status := q.statusOf(err)
	switch {
	case q.body.broken != nil && errors.Is(err, q.body.broken):
		q.clientGone, q.x.outcome.Err = true, err
	case status >= 500, isA[*transfer.TimeoutError](err):
		q.x.outcome.Err = err
	}
	a := refuse(q.method, status, http.Header{})
	if status == tus.StatusChecksumMismatch {
		a.text = "Checksum Mismatch\n"
	}
	q.reply(a)
}

var (
	errNowhere   = errors.New("no such path")
	errCondition = errors.New("a condition of the request is not met")
	errIsOther   = errors.New("is not a regular file")
	errDigest    = errors.New("the digest does not match")
)

func (q *receiveRequest) statusOf(err error) int {
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case q.body.broken != nil && errors.Is(err, q.body.broken), errors.Is(err, errDigest):
		return http.StatusBadRequest
	case errors.Is(err, errNowhere):
		return http.StatusNotFound
	case isA[*transfer.TimeoutError](err):
		return http.StatusRequestTimeout
	case errors.Is(err, errSuperseded), errors.Is(err, errIsOther):
		return http.StatusConflict
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errChecksum):
		return tus.StatusChecksumMismatch
	case errors.Is(err, errCondition), errors.Is(err, fs.ErrExist):
		return http.StatusPreconditionFailed
	case diskFull(err):
		return http.StatusInsufficientStorage
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrNotExist):
		return http.StatusConflict
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), isA[*atomicfile.ReplaceError](err):
		return http.StatusForbidden
	case filelimit.Exhausted(err), errors.Is(err, syscall.ENOMEM),
		q.x.request.Context().Err() != nil:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func diskFull(err error) bool {
	const windowsDiskFull = syscall.Errno(112) // ERROR_DISK_FULL
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull)
}

// look finds out what the name stands for now, as HEAD would. A directory that is missing, or is none,
// is an error.
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
	if errors.Is(err, fs.ErrPermission) { // it may be replaced, but no client has seen it
		return target{exists: true}, nil
	} else if err != nil {
		return target{}, err
	}
	defer f.Close()
	v, info, err := fileid.Settled(f)
	if err != nil {
		return target{}, err
	}
	return target{exists: true, representation: representFile(v, info)}, nil
}

// check looks at what the name stands for, and fails if a file with the header h must not be put
// there.
func (rc *receiver) check(name string, h http.Header, noClobber bool) (target, error) {
	t, err := rc.look(name)
	switch {
	case err != nil:
		return t, err
	case t.other:
		return t, errIsOther
	case noClobber && t.exists, !permits(h, t, time.Now()):
		return t, errCondition
	case t.exists:
		return t, rc.checkReplace(name)
	}
	return t, nil
}

// checkReplace fails if it is known that the file cannot be replaced, such as a mount point.
func (rc *receiver) checkReplace(name string) error {
	d, err := atomicfile.Locate(rc.root, name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.CheckReplace()
}
