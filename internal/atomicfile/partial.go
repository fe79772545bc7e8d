package atomicfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	checkpointBytes = 64 << 20        // after which what has come is synced, so that it counts when the process is killed
	checkpointTime  = 2 * time.Second // likewise
)

// A Partial is what a run that did not succeed has left of a file: the first Offset bytes of what Fingerprint
// says. The zero Partial is nothing.
type Partial struct {
	Fingerprint string
	Offset      int64
	Path        string // of the file that has them
}

// FindPartial finds what is left of the file called name, in root if that is not nil.
func FindPartial(root *os.Root, name string) (Partial, error) {
	d, err := Locate(root, name)
	if err != nil {
		return Partial{}, err
	}
	defer d.Close()
	if d.Special() {
		return Partial{}, nil
	}
	there, err := d.dir.lstat(d.partName())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Partial{}, nil
	case err != nil:
		return Partial{}, d.failed("lstat", err)
	case !there.mode.IsRegular():
		return Partial{}, nil
	}
	r, err := d.readRecord()
	if err != nil && !worthless(err) { // it may be readable the next time
		return Partial{}, d.failed("open", err)
	}
	n := min(r.Synced, there.size)
	if err != nil || n <= 0 {
		return Partial{}, nil // the bytes cannot be identified
	}
	parent, _ := filepath.Split(d.path)
	return Partial{Fingerprint: string(r.Fingerprint), Offset: n, Path: parent + d.partName()}, nil
}

// RemovePartial removes what is left of the file called name, unless it is in use.
func RemovePartial(root *os.Root, name string) error {
	d, err := Locate(root, name)
	if err != nil {
		return err
	}
	defer d.Close()
	if d.Special() {
		return nil
	}
	switch f, err := d.dir.open(d.partName(), os.O_RDWR, 0, d.name); {
	case err == nil:
		defer f.Close()
		l, held, err := takeOwn(f)
		defer l.release()
		if err == nil && !held {
			err = errInUse
		}
		if err != nil {
			return d.failed("remove", err)
		}
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission): // it may be in use
		return d.failed("open", err)
	}
	for _, name := range []string{d.recordName(), d.partName()} { // bytes without a record are worth nothing
		if err := d.dir.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d.failed("remove", err)
		}
	}
	return nil
}

func (d *Destination) partName() string   { return d.dir.stem(d.base) + ".part" }
func (d *Destination) recordName() string { return d.partName() + ".id" }

// A record is what the file beside a partial file says. It is replaced as a whole, and only when the bytes that
// it speaks of are on the disk. So that it is never taken for one of other bytes, it is removed, and that made
// to last, before the first byte of another source is written.
type record struct {
	Fingerprint []byte `json:"fingerprint"` // names in it need not be UTF-8
	Synced      int64  `json:"synced"`
}

// recordRoom is how many bytes of the file are given up for a record that the disk has no room for. Any file system
// stores a record in less.
const recordRoom = 64 << 10

// maxRecord is how long a record may be, in bytes.
const maxRecord = 1 << 20

// errBadRecord: it was written by other means.
var errBadRecord = errors.New("it is not the record of a partial file")

// worthless reports whether an error of readRecord means that nothing is known of the partial file, and not that the
// system failed.
func worthless(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errBadRecord)
}

func (d *Destination) readRecord() (r record, err error) {
	f, err := d.dir.open(d.recordName(), os.O_RDONLY|nonblock, 0, d.name)
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return record{}, err
	}
	if json.Unmarshal(b, &r) != nil {
		return record{}, errBadRecord
	}
	return r, nil
}

// part is what a file has in addition that outlives a failure.
type part struct {
	file   *File
	record record // that is beside the file; without Synced there is none
	synced int64
	at     time.Time // when that was
	bad    bool      // the bytes are not to be trusted: a sync failed
}

// mayResume are the rights to the partial file that the next run needs.
const mayResume fs.FileMode = 0o600

// Resume opens the partial file, to continue after its first offset bytes; 0 begins a new one. It takes d
// over. fingerprint says whose bytes they are. The file stays if it is discarded, with all bytes that came.
func (d *Destination) Resume(fingerprint string, offset int64, opts Options) (f *File, err error) {
	defer d.closeUnless(&err)
	if err := d.check(opts); err != nil {
		return nil, err
	}
	if f, err = d.begin(opts); err != nil {
		return nil, err
	}
	f.name = d.partName()
	flag := os.O_RDWR
	if offset == 0 {
		flag |= os.O_CREATE
	}
	perm := f.createMode() | mayResume
	made, err := f.openPart(flag, perm)
	if err != nil {
		if offset > 0 && errors.Is(err, fs.ErrNotExist) {
			err = tooShort(offset)
		}
		return nil, d.failed("resume", err)
	}
	f.part = &part{file: f, at: time.Now()}
	if info, err := f.file.Stat(); err == nil && info.Mode().Perm()&^perm != 0 { // the earlier run had less to hide
		_ = f.file.Chmod(info.Mode().Perm() & perm)
	}
	if err := f.part.begin(fingerprint, offset); err != nil {
		if made {
			_ = d.dir.remove(f.name)
		}
		f.lock.release()
		f.file.Close()
		return nil, d.failed("resume", err)
	}
	f.start, f.off, f.writer.at, f.end = offset, offset, offset, offset
	f.after = f.part.arrived
	return f, nil
}

// tooShort is the error for a partial file that does not have the first offset bytes.
func tooShort(offset int64) error {
	return fmt.Errorf("the partial file has fewer than %d bytes of this source", offset)
}

// openPart opens and locks the partial file, which flag may create, and reports whether it did.
func (f *File) openPart(flag int, perm fs.FileMode) (made bool, err error) {
	d := f.dest
	for range 100 {
		there, err := d.dir.lstat(f.name)
		how := flag
		switch {
		case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
			how |= os.O_EXCL
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return false, d.failed("lstat", err)
		case d.exists && there.links > 1 && there.same(d.old): // it was published by a link, and its process killed then
			if err := d.dir.remove(f.name); err != nil {
				return false, d.failed("remove", err)
			}
		case !there.mode.IsRegular() || !there.ours() || there.links > 1: // others could read or change it
			return false, fmt.Errorf("%s is not a regular file of this user alone", f.name)
		}
		made := how&os.O_EXCL != 0
		file, err := d.dir.open(f.name, how, perm, d.name)
		switch {
		case made && errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return false, d.failed("open", err)
		}
		op, at := "lock", false
		l, held, err := takeOwn(file)
		switch {
		case err == nil && held:
			op = "stat"
			at, err = d.dir.isAt(f.name, file)
		case err == nil:
			file.Close()
			return false, errInUse
		}
		if at {
			f.file, f.lock = file, l
			return made, nil
		}
		if err != nil && made {
			_ = d.dir.remove(f.name)
		}
		l.release()
		file.Close()
		if err != nil {
			return false, d.failed(op, err)
		}
		// The run that had it has just published it.
	}
	return false, d.failed("open", fs.ErrExist)
}

// begin makes the partial file end where the stream begins, at base.
func (p *part) begin(fingerprint string, base int64) error {
	d, file, sync := p.file.dest, p.file.file, p.file.opts.Sync
	there, err := statFile(file)
	if err != nil {
		return err
	}
	p.synced = base
	if p.record, err = d.readRecord(); base > 0 {
		if err != nil && !worthless(err) {
			return err
		}
		if err != nil || string(p.record.Fingerprint) != fingerprint || base > min(p.record.Synced, there.size) {
			return tooShort(base)
		}
		if p.record.Synced > base { // it must not promise more than there is from now on
			if err := p.note(base, sync); err != nil {
				return err
			}
		}
	} else if p.record = (record{Fingerprint: []byte(fingerprint)}); !errors.Is(err, fs.ErrNotExist) {
		if err := d.dir.remove(d.recordName()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d.failed("remove", err)
		}
		if err := d.dir.sync(sync); err != nil {
			return d.failed("sync", err)
		}
	}
	if there.size > base {
		if err := file.Truncate(base); err != nil {
			return err
		}
	}
	_, err = file.Seek(base, io.SeekStart)
	return err
}

// note replaces the record by one that says that the first n bytes are to be trusted.
func (p *part) note(n int64, s Sync) error {
	r := record{p.record.Fingerprint, n}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	d := p.file.dest
	beside := &Destination{name: d.name, dir: d.dir, lent: true, base: d.recordName(), fd: -1}
	if err := beside.write(b, Options{Mode: 0o600, Sync: s}); err != nil {
		return err
	}
	p.record = r
	return nil
}

// arrived is called when the partial file has its first n bytes.
func (p *part) arrived(n int64) error {
	if n-p.synced < checkpointBytes && time.Since(p.at) < checkpointTime {
		return nil
	}
	return p.checkpoint(n)
}

// checkpoint syncs the first n bytes and notes that.
func (p *part) checkpoint(n int64) error {
	if p.bad {
		return nil
	}
	if n != p.synced {
		if err := syncFile(p.file.file, p.file.opts.Sync); err != nil {
			return p.failed(err)
		}
		p.synced, p.at = n, time.Now()
	}
	if n != p.record.Synced {
		_ = p.note(n, p.file.opts.Sync) // without it, a resumed run has more to do
	}
	return nil
}

// finished is called when all n bytes are there and synced.
func (p *part) finished(n int64) {
	if p == nil {
		return
	}
	p.synced = n
	if n-p.record.Synced >= checkpointBytes {
		_ = p.note(n, p.file.opts.Sync) // likewise
	}
}

// takeBack takes the rights from a new file that only its resumption needed. want are those of its options.
func (p *part) takeBack(want fs.FileMode) error {
	if p == nil || want == 0 || want&mayResume == mayResume {
		return nil
	}
	info, err := p.file.file.Stat()
	if err != nil {
		return err
	}
	return chmod(p.file.file, info.Mode().Perm()&^(mayResume&^want))
}

// failed notes that a sync failed, or a close: what is on the disk now is unknown.
func (p *part) failed(err error) error {
	if p != nil {
		p.bad = true
	}
	return err
}

// keep makes the bytes that came count, and reports whether there are any.
func (p *part) keep() bool {
	if p == nil {
		return false
	}
	if f := p.file; f.closed {
		_ = p.checkpoint(p.synced)
	} else {
		_ = f.writer.release()
		_ = p.checkpoint(f.end) // the run has failed already
		if n := p.synced - recordRoom; !p.bad && p.record.Synced < n && f.file.Truncate(n) == nil {
			_ = p.note(n, f.opts.Sync) // the disk is full: the last bytes make room for the record
		}
	}
	return p.record.Synced > 0 && !p.bad // bytes without a record are worth nothing
}

// remove removes the record.
func (p *part) remove() error {
	if p == nil {
		return nil
	}
	d := p.file.dest
	if err := d.dir.remove(d.recordName()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.failed("remove", err)
	}
	return nil
}
