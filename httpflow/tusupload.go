package httpflow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// An upload is a file that comes in several requests. What has come of it is in the file's folder
// under a name that is hidden from [FileServer] and that no file sink takes for one of its
// temporary ones. What is known about it is in a second file, so that any process can go on. That
// one comes second and is removed first; so where it is alone, the upload has been published.
type upload struct {
	record
	path      string // of what has come
	offset    int64  // how much that is
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

func (u *upload) recordPath() string { return u.path + ".json" }

// complete tells whether all of it is there.
func (u *upload) complete() bool { return u.offset == u.Length }

var (
	errNoUpload = errors.New("there is no such upload")
	errExpired  = errors.New("the upload has expired")
	errChecksum = errors.New("the checksum does not match")
	errSpoilt   = errors.New("another process has written to the upload: it is removed")
)

// newUpload makes the files of an upload.
func (rc *receiver) newUpload(r record) (u *upload, id string, err error) {
	id = rand.Text()
	u = &upload{record: r, path: filepath.Join(filepath.Dir(r.Name), uploadPrefix+id), expires: rc.expiry(time.Now())}
	if err := atomicfile.WriteFile(rc.root, u.path, nil, atomicfile.Options{CreateOnly: true}); err != nil {
		return nil, "", err
	}
	if err := rc.save(u); err != nil {
		return nil, "", errors.Join(err, rc.root.Remove(u.path))
	}
	return u, id, nil
}

// save writes the record.
func (rc *receiver) save(u *upload) error {
	b, err := json.Marshal(u.record)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(rc.root, u.recordPath(), b, atomicfile.Options{Mode: 0o600})
}

// load looks at the upload id of the file called name. Whoever calls it holds the upload.
func (rc *receiver) load(name, id string) (*upload, error) {
	if !isUploadID(id) {
		return nil, errNoUpload
	}
	u := &upload{path: filepath.Join(filepath.Dir(name), uploadPrefix+id)}
	b, err := rc.root.ReadFile(u.recordPath())
	if errors.Is(err, fs.ErrNotExist) {
		return rc.done.find(u.path, name)
	} else if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &u.record); err != nil {
		return nil, fmt.Errorf("%s: %w", u.recordPath(), err)
	}
	if u.Name != name {
		return nil, errNoUpload
	}
	info, err := rc.root.Lstat(u.recordPath())
	if err != nil {
		return nil, err
	}
	last := info.ModTime()
	info, err = rc.root.Lstat(u.path)
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
	if u.expires = rc.expiry(last); !u.expires.IsZero() && !time.Now().Before(u.expires) {
		return nil, errors.Join(errExpired, rc.remove(u))
	}
	if u.Verified != nil && !u.published {
		return u, rc.cut(u)
	}
	return u, nil
}

// cut drops what a killed process has not verified.
func (rc *receiver) cut(u *upload) error {
	if u.offset > *u.Verified {
		f, err := rc.root.OpenFile(u.path, os.O_WRONLY, 0)
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
	return rc.save(u)
}

// sync makes what has come last. Only what a killed process left needs that; otherwise it is quick.
func (rc *receiver) sync(u *upload) error {
	f, err := rc.root.OpenFile(u.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// extend appends the body of d to u. Without a checksum, what came before the body broke off stays,
// which is not an error here.
func (d *delivery) extend(ctx context.Context, u *upload, sum *checksum) error {
	if n := d.room(u); n >= 0 {
		d.body.limit(n)
	}
	d.body.partial = sum == nil
	var hashes []hash.Hash
	verify := func() error { return nil }
	if sum != nil {
		hashes, verify = []hash.Hash{sum.hash}, sum.verify
		u.Verified = &u.offset
		if err := d.save(u); err != nil {
			return err
		}
	}
	file := sinks.AppendWith(u.path, sinks.InPlaceOptions{Root: d.root})
	p := sources.Request(d, d.body.request()).Via(verified("checksum", hashes, verify, nil)).To(file)
	p.Buffer = intakeBuffer
	if _, err := p.Run(ctx); err != nil {
		return err // a record that has Verified is put in order by load
	}
	info, err := d.root.Lstat(u.path)
	if err == nil && info.Size() != u.offset+d.body.received {
		err = errSpoilt
	}
	if err != nil {
		return errors.Join(err, d.remove(u))
	}
	u.offset, u.expires = info.Size(), d.expiry(time.Now())
	if sum != nil {
		u.Verified = nil
		return d.save(u)
	}
	return nil
}

// room is how many bytes may still come; negative: any number.
func (rc *receiver) room(u *upload) int64 {
	switch {
	case u.Length >= 0:
		return u.Length - u.offset
	case rc.opts.MaxSize > 0:
		return max(0, rc.opts.MaxSize-u.offset)
	}
	return -1
}

// publish gives a complete upload its name.
func (rc *receiver) publish(ctx context.Context, u *upload) error {
	release, err := rc.names.take(ctx, u.Name, nil, false)
	if err != nil {
		return err
	}
	defer release()
	createOnly := rc.opts.NoClobber || createsOnly(u.Conditions)
	if _, err := rc.check(u.Name, u.Conditions, createOnly); err != nil {
		return err
	}
	if err := atomicfile.Publish(rc.root, u.path, u.Name, atomicfile.Options{CreateOnly: createOnly}); err != nil {
		return err
	}
	u.published, u.expires = true, rc.expiry(time.Now())
	done := *u
	rc.done.add(&done)
	_ = rc.root.Remove(u.recordPath()) // if that fails, it expires
	return nil
}

// remove removes what there is of u, but not a file that was published.
func (rc *receiver) remove(u *upload) error {
	rc.done.forget(u.path)
	for _, path := range []string{u.recordPath(), u.path} {
		if err := rc.root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// expiry is when an upload expires to which something has happened at the time last; zero: never.
func (rc *receiver) expiry(last time.Time) time.Time {
	if rc.opts.Expires < 0 {
		return time.Time{}
	}
	return last.Add(rc.opts.Expires)
}

// isUploadID tells whether s may be the result of rand.Text.
func isUploadID(s string) bool {
	return len(s) == 26 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
