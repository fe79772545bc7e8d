package httpflow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/stages"
)

// An uploadStore keeps the uploads that come in several requests, in the directories of their files.
type uploadStore struct {
	root    *os.Root
	keep    time.Duration // after the last byte; negative: for ever
	locks   locks         // by ID: one request at a time uses an upload
	done    finishedUploads
	sweeper sweeper
}

// An upload is a file that comes in several requests. The bytes received so far are in the file's
// directory under a name that is hidden from [FileServer] and that no file sink takes for one of its
// temporary ones. What is known about it is in a second file, so that any process can resume. That
// one comes second and is removed first; so where it is alone, the upload has been published.
type upload struct {
	record
	id        string
	path      string // of the bytes
	offset    int64  // how many there are
	expires   time.Time
	published bool
}

// record is what the second file has, as JSON.
type record struct {
	Name       string      `json:"name"`               // of the file, below the root
	Length     int64       `json:"length"`             // that it will have; -1: not known yet
	Metadata   string      `json:"metadata,omitempty"` // as the client sent it
	Conditions http.Header `json:"conditions,omitempty"`

	// Verified is how many bytes are to be kept if what comes behind them is not verified: the
	// process was killed then.
	Verified *int64 `json:"verified,omitempty"`
}

const uploadPrefix = ".tus-"

// newUpload is the upload id of the file called name.
func newUpload(name, id string) *upload {
	return &upload{id: id, path: filepath.Join(filepath.Dir(name), uploadPrefix+id)}
}

func (u *upload) recordPath() string { return u.path + ".json" }

// complete reports whether all bytes are there.
func (u *upload) complete() bool { return u.offset == u.Length }

var (
	errNoUpload = errors.New("there is no such upload")
	errExpired  = errors.New("the upload has expired")
	errChecksum = errors.New("the checksum does not match")
	errSpoilt   = errors.New("another process has written to the upload: it is removed")
)

// create makes the files of an upload.
func (s *uploadStore) create(r record) (*upload, error) {
	u := newUpload(r.Name, rand.Text())
	u.record, u.expires = r, s.expiry(time.Now())
	if err := atomicfile.WriteFile(s.root, u.path, nil, atomicfile.Options{CreateOnly: true}); err != nil {
		return nil, err
	}
	if err := s.save(u); err != nil {
		return nil, errors.Join(err, s.root.Remove(u.path))
	}
	return u, nil
}

// save writes the record.
func (s *uploadStore) save(u *upload) error {
	b, err := json.Marshal(u.record)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(s.root, u.recordPath(), b, atomicfile.Options{Mode: 0o600})
}

// load looks at the upload id of the file called name. The caller has it locked.
func (s *uploadStore) load(name, id string) (*upload, error) {
	if !isUploadID(id) {
		return nil, errNoUpload
	}
	u := newUpload(name, id)
	b, err := s.root.ReadFile(u.recordPath())
	if errors.Is(err, fs.ErrNotExist) {
		return s.done.find(u.path, name)
	} else if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &u.record); err != nil {
		return nil, fmt.Errorf("%s: %w", u.recordPath(), err)
	}
	if u.Name != name {
		return nil, errNoUpload
	}
	info, err := s.root.Lstat(u.recordPath())
	if err != nil {
		return nil, err
	}
	last := info.ModTime()
	info, err = s.root.Lstat(u.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.published, u.offset = true, u.Length
	case err != nil:
		return nil, err
	default:
		u.offset = info.Size()
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	if u.expires = s.expiry(last); !u.expires.IsZero() && !time.Now().Before(u.expires) {
		return nil, errors.Join(errExpired, s.remove(u))
	}
	if u.Verified != nil && !u.published {
		return u, s.cut(u)
	}
	return u, nil
}

// cut removes the bytes that a killed process had not verified.
func (s *uploadStore) cut(u *upload) error {
	if u.offset > *u.Verified {
		f, err := s.root.OpenFile(u.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		err = errors.Join(f.Truncate(*u.Verified), f.Sync(), f.Close())
		if err != nil {
			return err
		}
		u.offset = *u.Verified
	}
	u.Verified = nil
	return s.save(u)
}

// sync makes the bytes durable. Only those that a killed process left need that; otherwise it is quick.
func (s *uploadStore) sync(u *upload) error {
	f, err := s.root.OpenFile(u.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// append appends what src emits to u, and verifies it if there is a checksum. Without one, the bytes
// before a failure are kept.
func (s *uploadStore) append(ctx context.Context, u *upload, src pipeline.Source, sum *checksum) error {
	if sum != nil {
		src = src.Via(stages.Hash(sum.begin, sum.verify))
		u.Verified = &u.offset
		if err := s.save(u); err != nil {
			return err
		}
	}
	p := src.To(sinks.AppendWith(u.path, sinks.InPlaceOptions{Root: s.root}))
	p.Buffer = receiveBuffer
	report, err := p.Run(ctx)
	if err != nil {
		return err // load restores an upload that has Verified in its record
	}
	info, err := s.root.Lstat(u.path)
	if err == nil && info.Size() != u.offset+report.Nodes[0].Out {
		err = errSpoilt
	}
	if err != nil {
		return errors.Join(err, s.remove(u))
	}
	u.offset, u.expires = info.Size(), s.expiry(time.Now())
	if sum != nil {
		u.Verified = nil
		return s.save(u)
	}
	return nil
}

// publish gives a complete upload its name.
func (s *uploadStore) publish(u *upload, createOnly bool) error {
	if err := atomicfile.Publish(s.root, u.path, u.Name, atomicfile.Options{CreateOnly: createOnly}); err != nil {
		return err
	}
	u.published, u.expires = true, s.expiry(time.Now())
	s.done.add(u)
	_ = s.root.Remove(u.recordPath()) // if that fails, it expires
	return nil
}

// remove removes the files of u, but not the one that was published.
func (s *uploadStore) remove(u *upload) error {
	s.done.forget(u.path)
	for _, path := range []string{u.recordPath(), u.path} {
		if err := s.root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// expiry is when an upload expires to which something has happened at the time last; zero: never.
func (s *uploadStore) expiry(last time.Time) time.Time {
	if s.keep < 0 {
		return time.Time{}
	}
	return last.Add(s.keep)
}

// isUploadID reports whether s may be the result of rand.Text.
func isUploadID(s string) bool {
	return len(s) == 26 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// maxFinished is how many complete uploads are remembered.
const maxFinished = 1000

// finishedUploads are uploads whose file has appeared, so that a client which has not received the
// last answer finds out that they are complete. They are not worth a file in the directory: after a
// restart, such a client sends the file again.
type finishedUploads struct {
	mu    sync.Mutex
	m     map[string]upload // by path
	order []string
}

// add remembers u, in place of the oldest one if there are enough.
func (f *finishedUploads) add(u *upload) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m == nil {
		f.m = map[string]upload{}
	}
	if len(f.order) >= maxFinished {
		delete(f.m, f.order[0])
		f.order = f.order[1:]
	}
	f.m[u.path] = *u
	f.order = append(f.order, u.path)
}

// find returns the upload of the file called name, if it is known and has not expired.
func (f *finishedUploads) find(path, name string) (*upload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.m[path]
	switch {
	case !ok || u.Name != name:
		return nil, errNoUpload
	case !u.expires.IsZero() && !time.Now().Before(u.expires):
		return nil, errExpired
	}
	return &u, nil
}

func (f *finishedUploads) forget(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.m, path)
}
