// Package fileid tells files, and the states of one file, apart.
package fileid

import (
	"encoding/binary"
	"io/fs"
	"os"
	"time"
)

// An ID tells a file from all others that exist at the same time on this machine, whatever names and links lead to it. IDs are
// comparable. The zero ID says that the system has none.
type ID struct {
	Device, Inode uint64
}

// A Version tells one state of a file from another. Versions are comparable.
//
// Where the system counts changes (ChangeTime), different content of the same file has a different Version: writing sets
// the time of the last change, and a program cannot set it back, as it can the time of the last modification. So do a rename and a chmod,
// which leave the content alone.
type Version struct {
	ID
	Size       int64 // in bytes
	ModTime    Time
	ChangeTime Time // ctime of stat(2), ChangeTime of Windows; zero: none, or none that can be relied on
}

// A Time is a moment as file systems keep it, in seconds and nanoseconds since 1970. Unlike the nanoseconds of a [time.Time]
// alone, it cannot overflow.
type Time struct {
	Sec  int64
	Nsec int64
}

// TimeOf returns t as a Time.
func TimeOf(t time.Time) Time { return Time{t.Unix(), int64(t.Nanosecond())} }

// Strong reports whether a change of the content is sure to change the Version: see [Settled].
func (v Version) Strong() bool { return v.ID != (ID{}) && v.ChangeTime != (Time{}) }

// Append appends all of the Version to b, in a form of fixed length.
func (v Version) Append(b []byte) []byte {
	for _, n := range []int64{int64(v.Device), int64(v.Inode), v.Size, v.ModTime.Sec, v.ModTime.Nsec, v.ChangeTime.Sec, v.ChangeTime.Nsec} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// Of returns the Version of the file that info describes, as [os.Stat] or the method of an open file returned it. On
// Windows, where that does not have all of it, [OfFile] knows more.
func Of(info fs.FileInfo) Version {
	v := Version{Size: info.Size(), ModTime: TimeOf(info.ModTime())}
	v.ID, v.ChangeTime = system(info)
	return v
}

// OfFile returns the Version of an open file. info is what f.Stat returned.
func OfFile(f *os.File, info fs.FileInfo) Version {
	v := Of(info)
	if v.ID == (ID{}) {
		v.ID, v.ChangeTime = handle(f)
	}
	return v
}

// Settled returns what f.Stat does, and the Version of an open file as it may be kept, for an entity tag or a record: it is Strong
// only if every later change of the content gives another one.
//
// Two changes within one tick of the clock of the file system have the same time: 1 to 10 ms for most, 1 or 2 s for some. So
// after a change a moment ago, Settled waits for the next tick, at most 20 ms; where that would take longer, the Version
// is not Strong yet. (The same problem as racily clean entries in the index of git, and as RFC 9110 §8.8.2.2
// describes for Last-Modified. Linux avoids it since 6.13, with multigrain timestamps, but says not for which file systems.)
//
// A Version is never Strong where the times are those of a server in user space (FUSE), or the file system keeps none of changes
// (FAT, images like squashfs), nor if the file is not a regular one.
func Settled(f *os.File) (Version, fs.FileInfo, error) {
	v, info, sure, err := settled(f, changesOf(f))
	if !sure {
		v.ChangeTime = Time{}
	}
	return v, info, err
}

// settled reports in addition whether the Version is sure to differ after a change.
func settled(f *os.File, kind changes) (v Version, info fs.FileInfo, sure bool, err error) {
	for begin := clock(); ; pause() {
		now := clock() // before the look at the file: what changes after it has this time or a later one
		if info, err = f.Stat(); err != nil {
			return Version{}, nil, false, err
		}
		v = OfFile(f, info)
		if !v.Strong() || !info.Mode().IsRegular() || kind == uncounted {
			return v, info, false, nil
		}
		age, tick := now.since(v.ChangeTime), tickOf(v.ChangeTime, kind)
		switch {
		case age > tick:
			return v, info, true, nil
		case tick-age > maxWait, now.since(begin) > maxWait: // the latter if it is written all the time
			return v, info, false, nil
		}
	}
}

// A Watch tells whether a file changes while it is read.
type Watch struct {
	file   *os.File
	kind   changes
	before Version
	kept   Version
}

// NewWatch begins to watch an open file. It returns what f.Stat does. Like [Settled], it may wait for a tick of the clock.
func NewWatch(f *os.File) (Watch, fs.FileInfo, error) {
	w := Watch{file: f, kind: changesOf(f)}
	v, info, sure, err := settled(f, w.kind)
	w.before, w.kept = w.counted(v), v
	if !sure {
		w.kept.ChangeTime = Time{}
	}
	return w, info, err
}

// Version is what [Settled] returned at the beginning of the watch.
func (w Watch) Version() Version { return w.kept }

// Look returns the Versions of the file at the beginning of the watch and now. They are equal if it has not changed.
func (w Watch) Look() (before, now Version, err error) {
	info, err := w.file.Stat()
	if err != nil {
		return Version{}, Version{}, err
	}
	return w.before, w.counted(OfFile(w.file, info)), nil
}

// Size returns how many bytes a regular file has, if its size says so. What that says depends on the file system:
//
//   - 0 is said of files in /proc and of some in FUSE. Only the end of the file proves that there is nothing.
//   - Files in /sys and configfs have the size of their buffers. They have no blocks, and no last byte. (A file that is one hole has
//     no blocks either, but a last byte.)
//   - FUSE in the mode direct_io reads on after the end that the size gives.
//
// info is that of the file.
func (w Watch) Size(info fs.FileInfo) (n int64, known bool) {
	n = info.Size()
	switch {
	case n == 0, unallocated(info) && !hasByte(w.file, n-1), w.kind == uncounted && hasByte(w.file, n):
		return 0, false
	}
	return n, true
}

func hasByte(f *os.File, at int64) bool {
	var b [1]byte
	n, _ := f.ReadAt(b[:], at)
	return n == 1
}

// counted is v without what says nothing.
func (w Watch) counted(v Version) Version {
	if w.kind == uncounted {
		v.ChangeTime = Time{}
	}
	return v
}

// maxWait is how long Settled waits for a tick of the clock.
const maxWait = 20 * time.Millisecond

// changes is how a file system keeps the times of changes.
type changes int

const (
	local     changes = iota // by the clock of this machine
	remote                   // by another machine's clock
	uncounted                // not at all, or not reliably
)

// tickOf returns how much later than t a change has another time.
func tickOf(t Time, kind changes) time.Duration {
	if kind == remote || t.Nsec == 0 { // whole seconds: the file system has no parts of them
		return 2 * time.Second
	}
	return tick
}

// since returns how long t is after u, as far as a Duration goes.
func (t Time) since(u Time) time.Duration {
	return time.Unix(t.Sec, t.Nsec).Sub(time.Unix(u.Sec, u.Nsec))
}
