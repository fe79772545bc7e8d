// Package atomicfile writes files that appear complete or not at all.
//
// [Locate] finds out what a name stands for and opens its directory. [Destination.Create] begins a new file
// there, under a temporary name; [File.Finish] does all that can fail once the bytes are there, and then the
// file has two exits: [File.Publish] puts it in its place, and [File.Discard] removes it. Discard is a no-op
// after Publish, so it can be deferred right behind Create, as [WriteFile] does. [Destination.Resume] begins a
// file that outlives a failure, [Destination.Append] and [Destination.Overwrite] change a file where it is.
//
// # Names
//
// The temporary names of NAME are .NAME.weir-0, .NAME.weir-1 and so on. The first one is used that no other process
// has; it is locked (flock) while in use. One that is there and not locked was left by a process that was
// killed; it is removed, and the name is used again. Where there are no locks, it is removed when it is more
// than a day old, and until then the next number is used. What cannot have been left by this package is not
// touched: what is not a regular file, has another name beside it, or belongs to another user. In names that would be
// longer than the file system can hold, a hash stands for the end of NAME. For links, see [ReplaceLink].
//
// Every operation goes through the descriptor of the directory that Locate opened. If the directory is
// renamed meanwhile, the file appears in it all the same.
//
// # Access
//
// A file that replaces another gets its owner, group, mode, ACL and security label, as far as the system allows it, and
// never more access than the old one gave: not while it is written, and not where something cannot be kept.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Options are how a file is written. The zero Options are those of a new file that replaces an old one.
type Options struct {
	// Mode has the permission bits of a new file, less the umask; 0 means 0666. A file that exists keeps its
	// own, unless Owner is set.
	Mode fs.FileMode

	// CreateOnly makes Publish fail with [fs.ErrExist] if there is a file.
	CreateOnly bool

	Sync Sync

	// ModTime and AccessTime are set before the file appears; the zero time leaves what the writing made.
	ModTime, AccessTime time.Time

	// Owner, if not nil, is set before the file appears. Mode, if it is not 0, is then the file's mode
	// exactly, whatever the umask and an old file say.
	Owner *Owner

	// Sparse makes holes of zeros that fill blocks of 4 KiB.
	Sparse bool

	// Size, if not nil, returns how many bytes will be written, if that is known. It is called when the first
	// of them are there.
	Size func() (n int64, known bool)
}

// Sync is what is done so that a file outlasts a crash of the system.
type Sync int

const (
	SyncData Sync = iota // the file and its directory are synced (fsync)
	SyncNone             // nothing
	SyncFull             // the drive's cache is flushed as well, where fsync does not do that: on macOS
)

// Owner is who a file belongs to. An id of -1 leaves what the file has.
type Owner struct {
	UID, GID int

	// Required makes Finish fail if the owner or the group cannot be set. Otherwise what this process may not
	// set is left as it is.
	Required bool
}

func (o *Options) check() error {
	switch {
	case o.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("mode %#o: want permission bits, at most 0777", uint32(o.Mode))
	case o.Sync < SyncData || o.Sync > SyncFull:
		return fmt.Errorf("sync %d: want 0 (data), SyncNone or SyncFull", o.Sync)
	case o.Owner != nil && (o.Owner.UID < -1 || o.Owner.GID < -1):
		return fmt.Errorf("owner %d:%d: want ids, or -1", o.Owner.UID, o.Owner.GID)
	}
	return nil
}

// setOwner sets the owner and the group of f, and the mode that goes with them. What is right already is not set.
func (o *Options) setOwner(f *os.File) error {
	err := chown(f, o.Owner.UID, o.Owner.GID)
	if err != nil && (o.Owner.Required || !mayNotOwn(err)) {
		return err
	}
	if err != nil {
		_ = chown(f, -1, o.Owner.GID)
	}
	if o.Mode == 0 {
		return nil
	}
	return chmod(f, access{}.give(f, o.Mode, true)) // after chown, which clears bits
}

// chmod sets the mode of f, if it is another.
func chmod(f *os.File, mode fs.FileMode) error {
	if have, err := f.Stat(); err == nil && have.Mode()&^fs.ModeType == mode {
		return nil
	}
	return f.Chmod(mode)
}

// setTimes sets the times of a file of d.
func (o *Options) setTimes(d *dir, name string) error {
	if o.ModTime.IsZero() && o.AccessTime.IsZero() {
		return nil
	}
	return d.chtimes(name, o.AccessTime, o.ModTime)
}

// WriteFile writes data to the file called name, which root, if it is not nil, confines. Its directory must
// exist.
func WriteFile(root *os.Root, name string, data []byte, opts Options) error {
	d, err := Locate(root, name)
	if err != nil {
		return err
	}
	return d.write(data, opts)
}

// write writes a whole file. It takes d over.
func (d *Destination) write(data []byte, opts Options) error {
	f, err := d.Create(opts)
	if err != nil {
		return err
	}
	defer f.Discard() //nolint:errcheck // what went wrong before is returned
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Finish(nil); err != nil {
		return err
	}
	return f.Publish()
}

// bare strips an error of the os package of its operation and path.
func bare(err error) error {
	switch e := err.(type) { //nolint:errorlint // only the outermost one
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}

var errNotRegular = errors.New("not a regular file")
