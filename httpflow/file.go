package httpflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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
	close  func() error
}

// inMemory is the resource with the bytes b.
func inMemory(b []byte, about representation) *resource {
	about.size = int64(len(b))
	return &resource{
		representation: about,
		source:         func(offset, length int64) pipeline.Source { return sources.Bytes(b[offset : offset+length]) },
		at:             bytes.NewReader(b),
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
	v, info, err := fileid.Settled(f)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
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
	about := representFile(v, info)
	about.kind = kind
	return &resource{
		representation: about,
		path:           f.Name(),
		name:           filepath.Base(name),
		source:         func(offset, length int64) pipeline.Source { return section(f, offset, length) },
		at:             f,
		close:          f.Close,
	}, nil
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

// section emits length bytes of f, which stays open.
func section(f *os.File, offset, length int64) pipeline.Source {
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
		return nil
	})
}

// statusOf is the status for an error of opening a file. Everything that can be wrong with a name is 404.
func statusOf(err error) int {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case filelimit.Exhausted(err), errors.Is(err, syscall.ENOMEM):
		return http.StatusServiceUnavailable
	case errors.Is(err, syscall.EIO):
		return http.StatusInternalServerError
	}
	return http.StatusNotFound
}
