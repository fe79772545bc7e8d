package httpflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
)

// File serves the file called name at "/" and at "/" followed by the last element of name. Anything
// else is 404. Every request opens the file, so a file that was replaced is served as it is now. The
// name may be that of a symbolic link to anywhere; if it does not lead to a regular file, the answer
// is 404. Precompressed siblings are not served.
func File(name string, opts Options) http.Handler {
	opts.prepare()
	return oneFile{filepath.Base(name), opts, func() (*resource, error) {
		info, err := os.Stat(name) // before opening: a FIFO has a writer that would notice
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fs.ErrNotExist
		}
		f, err := os.OpenFile(name, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return nil, err
		}
		return newResource(name, f)
	}}
}

// Bytes serves b, which must not be changed any more, at "/" and at "/" followed by name. Anything
// else is 404. The media type is that of name's extension. The entity tag is a hash of b, made at the
// first request; there is no Last-Modified.
func Bytes(name string, b []byte, opts Options) http.Handler {
	opts.prepare()
	etag := sync.OnceValue(func() string { return hashTag(b) })
	return oneFile{name, opts, func() (*resource, error) {
		kind, err := mediaType(name, func() ([]byte, error) { return b, nil })
		if err != nil {
			return nil, err
		}
		res := inMemory(b, representation{etag: etag(), kind: kind})
		res.name = name
		return res, nil
	}}
}

// oneFile serves one resource.
type oneFile struct {
	name string
	opts Options
	open func() (*resource, error)
}

func (s oneFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(w, r, &s.opts)
	defer x.end()
	if a, done := decideMethod(r.Method); done {
		x.send(a)
		return
	}
	if r.URL.Path != "/" && r.URL.Path != "/"+s.name {
		x.refuse(http.StatusNotFound, nil)
		return
	}
	var res *resource
	err := filelimit.Retry(r.Context(), func() (err error) {
		res, err = s.open()
		return err
	})
	if err != nil {
		x.refuse(statusOf(err), err)
		return
	}
	x.serve(res)
}

// A resource is content that is open.
type resource struct {
	representation
	path   string                                     // of the file, for errors
	name   string                                     // of the file, without its directory; empty: none
	header http.Header                                // further fields of responses with content and of 304
	source func(offset, length int64) pipeline.Source // runs once, before close
	at     io.ReaderAt                                // the same, for several parts
	check  func() error                               // before the last byte: is it still the same?
	close  func() error
}

// inMemory is the resource with the bytes b.
func inMemory(b []byte, about representation) *resource {
	about.size = int64(len(b))
	return &resource{
		representation: about,
		source:         func(offset, length int64) pipeline.Source { return sources.Bytes(b[offset : offset+length]) },
		at:             bytes.NewReader(b),
		check:          func() error { return nil },
		close:          func() error { return nil },
	}
}

// newResource looks at f, once, and owns it from then on. The name is for the media type and for the
// client that saves the file. What is not a regular file does not exist.
func newResource(name string, f *os.File) (*resource, error) {
	res, err := describe(name, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return res, nil
}

func describe(name string, f *os.File) (*resource, error) {
	w, info, err := fileid.NewWatch(f)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	if _, known := w.Size(info); !known {
		res, err := describeWhole(name, f)
		if err != nil || res.size > 0 || info.Size() > 0 {
			return res, err
		}
	}
	kind, err := mediaType(name, func() ([]byte, error) {
		head := make([]byte, min(512, info.Size()))
		n, err := f.ReadAt(head, 0)
		if err == io.EOF {
			err = nil // it has shrunk; sending it will find that out
		}
		return head[:n], err
	})
	if err != nil {
		return nil, err
	}
	about := representFile(w.Version(), info)
	about.kind = kind
	check := func() error { return unchanged(w) }
	return &resource{
		representation: about,
		path:           f.Name(),
		name:           filepath.Base(name),
		source:         func(offset, length int64) pipeline.Source { return section(f, offset, length, check) },
		at:             f,
		check:          check,
		close:          f.Close,
	}, nil
}

// describeWhole is describe for a file whose size is not known, as those in /proc and /sys, or 0. It is read to its end, which is the
// only proof that there is no more; a long one cannot be served, as its length has to be known.
func describeWhole(name string, f *os.File) (*resource, error) {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxWhole+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxWhole {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errNoSize}
	}
	kind, err := mediaType(name, func() ([]byte, error) { return b, nil })
	if err != nil {
		return nil, err
	}
	res := inMemory(b, representation{etag: hashTag(b), kind: kind})
	res.path, res.name, res.close = f.Name(), filepath.Base(name), f.Close
	return res, nil
}

// maxWhole is how long a file whose size is not known may be, in bytes.
const maxWhole = 1 << 20

var errNoSize = fmt.Errorf("more than %d bytes, and the file system does not say how many", maxWhole)

// unchanged fails if the content of a file has changed since it was opened. What is sent may not be a mixture (RFC 9110 §8.8.1); but a
// file that has grown still has what was promised, and one that was renamed or replaced, or got another mode, has its content.
func unchanged(w fileid.Watch) error {
	before, now, err := w.Look()
	if err != nil {
		return err
	}
	if !w.Version().Strong() || now.Size > before.Size || now.Size == before.Size && now.ModTime == before.ModTime {
		return nil
	}
	return &sources.ModifiedError{OldSize: before.Size, NewSize: now.Size}
}

// representFile is what clients may know of a file.
func representFile(v fileid.Version, info fs.FileInfo) representation {
	about := representation{size: info.Size(), modTime: info.ModTime(), etag: fileTag(v)}
	if v.Strong() {
		about.changed = time.Unix(v.ChangeTime.Sec, v.ChangeTime.Nsec)
	}
	return about
}

// fileTag is an entity tag that changes when the file changes or is replaced; where that is not sure, a weak one. It is
// a hash, so that it does not reveal inode numbers.
func fileTag(v fileid.Version) string {
	tag := hashTag(v.Append(nil))
	if !v.Strong() {
		tag = "W/" + tag
	}
	return tag
}

// variantTag is the entity tag of a representation in another coding (RFC 9110 §8.8.3.3).
func variantTag(tag, coding string) string {
	if strong, weak := strings.CutPrefix(tag, "W/"); weak {
		return "W/" + variantTag(strong, coding)
	}
	return hashTag([]byte(tag + coding))
}

func hashTag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// section emits length bytes of f, which stays open, and calls check in the end.
func section(f *os.File, offset, length int64, check func() error) pipeline.Source {
	return pipeline.NewSource(f.Name(), func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(length)
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		part := &io.LimitedReader{R: f, N: length}
		if err := out.CopyFrom(ctx, part); err != nil {
			return err
		}
		if part.N > 0 {
			return &fs.PathError{Op: "read", Path: f.Name(), Err: io.ErrUnexpectedEOF}
		}
		return check()
	})
}

// statusOf is the status for an error of opening a file, or of reading it. Everything that can be wrong with a name is 404.
func statusOf(err error) int {
	e, _ := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case filelimit.Exhausted(err), errors.Is(err, syscall.ENOMEM):
		return http.StatusServiceUnavailable
	case errors.Is(err, syscall.EIO), e != nil && e.Op == "read":
		return http.StatusInternalServerError
	}
	return http.StatusNotFound
}
