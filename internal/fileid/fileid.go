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
// which leave the content alone. Two writes within one tick of the system's clock (4 to 10 ms) may have the same times; Linux avoids
// that since 6.13 (multigrain timestamps).
type Version struct {
	ID
	Size       int64 // in bytes
	ModTime    Time
	ChangeTime Time // ctime of stat(2), ChangeTime of Windows; zero: the system has none
}

// A Time is a moment as file systems keep it, in seconds and nanoseconds since 1970. Unlike the nanoseconds of a [time.Time]
// alone, it cannot overflow.
type Time struct {
	Sec  int64
	Nsec int64
}

// TimeOf returns t as a Time.
func TimeOf(t time.Time) Time { return Time{t.Unix(), int64(t.Nanosecond())} }

// Strong reports whether a change of the content is sure to change the Version.
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
