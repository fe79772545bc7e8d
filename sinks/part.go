package sinks

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	checkpointBytes = 64 << 20        // after which what has come is synced, so that it counts when the run is killed
	checkpointTime  = 2 * time.Second // likewise
)

// Partial returns what a run to the file called name left that did not succeed: the fingerprint of its
// source, which it had as Resume, and how many bytes of that are there. Both are zero if there is nothing. A
// run with this fingerprint, and the offset, goes on with a stream that begins there.
//
// Bytes count when they were synced: when the run fails or is cancelled, and while it goes on every 64 MiB
// or 2 s. What a killed run wrote after that is written again. With DurabilityNone they count when they
// were written, and a crash of the system may have made zeros of them.
func Partial(name string) (fingerprint string, offset int64, err error) {
	return PartialWith(name, FileOptions{})
}

// PartialWith is [Partial] in the Root of opts.
func PartialWith(name string, opts FileOptions) (fingerprint string, offset int64, err error) {
	d, err := locate(name, FileOptions{Root: opts.Root})
	if err != nil || d.special {
		return "", 0, err
	}
	path := partPath(d.path)
	info, err := d.tree.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", 0, nil
	case err != nil:
		return "", 0, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	case !info.Mode().IsRegular():
		return "", 0, nil
	}
	f, err := d.tree.OpenFile(path+".id", os.O_RDONLY, 0)
	if err != nil {
		return "", 0, nil
	}
	defer f.Close()
	r, err := readRecord(f)
	if n := min(r.synced, info.Size()); err == nil && n > 0 {
		return r.fingerprint, n, nil
	}
	return "", 0, nil
}

// partPath returns the name of the partial file of the file at path.
func partPath(path string) string {
	folder, base := filepath.Split(path)
	return folder + "." + shorten(base, 200) + ".part"
}

// part is what a temporary file has in addition when it outlives its run: the record, a file beside it.
//
// The record's first line has the fingerprint. Each further one says up to where the partial file was
// synced when it was written, and the last one counts. Lines that are torn do not count. So that no crash
// joins a record with another source's bytes, a new one begins with the old one being made invalid, and
// only when the partial file has no byte.
type part struct {
	temp   *tempFile
	file   *os.File // the record
	lock   *os.File
	base   int64 // bytes that were there when the run began
	synced int64
	at     time.Time // when that was
	bad    bool      // the bytes are not to be trusted: a sync failed
}

// resume takes up the partial file of t's destination, or begins a new one.
func (t *tempFile) resume() (err error) {
	d := t.dest
	t.path = partPath(d.path)
	p := &part{temp: t, at: time.Now()}
	defer func() {
		if err != nil {
			t.lock.Close() // nil is in order
			t.file.Close()
			p.close()
			err = &fs.PathError{Op: "resume", Path: d.name, Err: cause(err)}
		}
	}()
	if p.file, p.lock, err = openOwn(d.tree, t.path+".id", 0o600); err != nil {
		return err
	}
	if t.file, t.lock, err = openOwn(d.tree, t.path, d.newMode()); err != nil {
		return err
	}
	if err := p.begin(); err != nil {
		return err
	}
	t.part = p
	return nil
}

// openOwn opens and locks the file at path, or makes it.
func openOwn(tree tree, path string, mode fs.FileMode) (f, dup *os.File, err error) {
	for range 100 {
		if info, err := tree.Lstat(path); err == nil && !info.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("%s is no regular file", filepath.Base(path))
		}
		f, err := tree.OpenFile(path, os.O_RDWR|os.O_CREATE, mode)
		if err != nil {
			return nil, nil, err
		}
		dup, mine := lockOwn(f)
		if !mine {
			f.Close()
			return nil, nil, errors.New("another run is writing to it")
		}
		if isAt(tree, path, f) {
			return f, dup, nil
		}
		dup.Close() // nil is in order; the run that had it has just published it
		f.Close()
	}
	return nil, nil, fs.ErrExist
}

// begin makes the partial file end where the stream begins.
func (p *part) begin() error {
	d, file := p.temp.dest, p.temp.file
	info, err := file.Stat()
	if err != nil {
		return err
	}
	p.base = d.opts.Offset
	r, err := readRecord(p.file)
	switch {
	case p.base == 0:
		return p.beginNew(r.used || info.Size() > 0)
	case err != nil || r.fingerprint != d.opts.Resume || p.base > min(r.synced, info.Size()):
		return fmt.Errorf("it has no longer the %d bytes that the stream goes on behind", p.base)
	}
	if _, err := p.file.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	if r.synced != p.base { // the line must not promise more than there is from now on
		if err := errors.Join(p.note(p.base), p.sync(p.file)); err != nil {
			return err
		}
	}
	p.synced = p.base
	if err := file.Truncate(p.base); err != nil {
		return err
	}
	_, err = file.Seek(p.base, io.SeekStart)
	return err
}

// beginNew makes the partial file empty, and the record one of its source.
func (p *part) beginNew(used bool) error {
	if used {
		// Whatever the durability is: the old record may be one of synced bytes, and the new bytes must not
		// be taken for these.
		if err := errors.Join(p.file.Truncate(0), p.file.Sync(), p.temp.file.Truncate(0)); err != nil {
			return err
		}
	}
	if _, err := p.file.Write(line("weir-part-1 " + strconv.Quote(p.temp.dest.opts.Resume))); err != nil {
		return err
	}
	return nil
}

// sync syncs f if the durability wants it.
func (p *part) sync(f *os.File) error {
	if p.temp.dest.opts.Durability == DurabilityNone {
		return nil
	}
	return syncFile(f, p.temp.dest.opts.Durability)
}

// note writes that the first n bytes are to be trusted.
func (p *part) note(n int64) error {
	_, err := p.file.Write(line("synced " + strconv.FormatInt(n, 10)))
	return err
}

// follow makes f go on at the end of the partial file, and p note what comes.
func (p *part) follow(f *filler) {
	f.base, f.off, f.at, f.end = p.base, p.base, p.base, p.base
	f.after = p.arrived
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
	if n == p.synced || p.bad {
		return nil
	}
	if err := p.sync(p.temp.file); err != nil {
		return p.failed(err)
	}
	p.synced, p.at = n, time.Now()
	_ = p.note(n) // without it, a resumed run has more to do
	return nil
}

// finished notes that all n bytes are there and synced.
func (p *part) finished(n int64) {
	p.synced = n
	_ = p.note(n)
}

// failed notes that a sync failed, or a close: what is on the disk now is unknown.
func (p *part) failed(err error) error {
	if p != nil {
		p.bad = true
	}
	return err
}

// pause is called when no more bytes come.
func (p *part) pause(f *filler) {
	if p == nil || p.temp.closed {
		return
	}
	_ = f.release()
	_ = p.checkpoint(f.end) // the run has failed already
}

// keep reports whether the partial file is worth keeping.
func (p *part) keep() bool { return p.synced > 0 && !p.bad }

// remove removes the record.
func (p *part) remove() error {
	if p == nil {
		return nil
	}
	if !hasLocks {
		p.close() // an open file cannot be removed
	}
	if err := p.temp.dest.tree.Remove(p.temp.path + ".id"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// published removes the record of a file that is in its place now.
func (p *part) published() error {
	if err := p.remove(); err != nil {
		return fmt.Errorf("the file is in place, but the record of its partial file is left: %w", err)
	}
	return nil
}

func (p *part) close() {
	if p != nil {
		p.lock.Close() // nil is in order
		p.file.Close()
	}
}

// record is what the file beside a partial file says.
type record struct {
	used        bool // it says something, if only nonsense
	fingerprint string
	synced      int64
}

// maxRecord is how long a record may be, in bytes: enough for a partial file of some TiB.
const maxRecord = 16 << 20

// readRecord reads a record from its start.
func readRecord(f *os.File) (record, error) {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxRecord))
	r := record{used: len(b) > 0}
	if err != nil {
		return r, err
	}
	for i, l := range bytes.Split(bytes.TrimPrefix(b, []byte("\n")), []byte("\n")) {
		s, ok := unline(l)
		if i == 0 {
			quoted, is := strings.CutPrefix(s, "weir-part-1 ")
			if r.fingerprint, err = strconv.Unquote(quoted); err != nil || !ok || !is {
				return r, errors.New("not a record")
			}
			continue
		}
		if n, is := strings.CutPrefix(s, "synced "); ok && is {
			if n, err := strconv.ParseInt(n, 10, 64); err == nil {
				r.synced = n
			}
		}
	}
	return r, nil
}

// line begins with a newline, so that it is not spoilt by a torn one before it, and ends with its checksum.
func line(s string) []byte { return fmt.Appendf(nil, "\n%s %08x", s, crc32.ChecksumIEEE([]byte(s))) }

// unline returns what line was given, unless the line is torn.
func unline(l []byte) (s string, ok bool) {
	i := bytes.LastIndexByte(l, ' ')
	if i < 0 {
		return "", false
	}
	return string(l[:i]), string(l[i+1:]) == fmt.Sprintf("%08x", crc32.ChecksumIEEE(l[:i]))
}
