package sinks

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// FileOptions are the settings of [FileWith] and [Resume].
type FileOptions struct {
	// Mode has the permission bits of a new file, less the umask; 0 means 0666. A file that exists keeps its
	// own, unless Owner is set.
	Mode fs.FileMode

	// NoClobber makes the run fail with an error that is [fs.ErrExist] if the file exists: before anything
	// is read, and also if it comes into being during the run. A symbolic link exists whether its target
	// does or not. FIFOs, character devices and files that the kernel makes up, which hold nothing that could
	// be lost, are written to all the same.
	//
	// Where the file system has neither hard links nor a rename that replaces nothing, an empty file that only
	// root can read has the name for a moment before the complete file takes its place. A process that is killed
	// in this moment leaves it.
	NoClobber bool

	// Sync says what a crash of the system may take away after the run has succeeded.
	Sync Sync

	// ModTime and AccessTime are set on the file before it appears. The zero time leaves what the writing
	// made of them.
	ModTime, AccessTime time.Time

	// Owner, if it is not nil, is given to the file before it appears. Mode, if it is not 0, is then the
	// file's mode exactly, whatever the umask and an old file say: bits without their owner mean something
	// else.
	Owner *Owner

	// Sparse makes holes of what is zero for whole blocks of 4 KiB. Without it, only the holes of a source
	// that the kernel copies from become holes, and zeros among the first 4 MiB of a stream that the kernel
	// does not copy.
	Sparse bool

	// Check, if it is not nil, is called when the file has all its bytes, is synced, and has not appeared
	// yet. Its error fails the run. It may read f, and must neither write to it nor keep it. FIFOs, devices
	// and the like are not checked.
	Check func(ctx context.Context, f *os.File) error

	// InPlace, if it is not nil, is asked when it turns out, before anything is read, that the file cannot be
	// replaced: it is a mount point, or may be written to although its directory may not. If it returns true, the
	// stream is written over the file, as with [OverwriteWith]. It is not asked when a partial file is resumed.
	InPlace func(reason error) bool

	// Root, if it is not nil, is the directory that name is relative to, and that neither name nor a symbolic
	// link leads out of.
	Root *os.Root
}

// Sync is what a sink does so that a file outlasts a crash of the system. The zero Sync syncs the file and its
// directory (fsync).
type Sync int

const (
	SyncNone Sync = iota + 1 // nothing: after a crash, the file may be empty or torn
	SyncFull                 // as the zero Sync; the drive flushes its cache as well where fsync does not make it: on macOS
)

// Owner is who a file belongs to, where files have numeric owners. An id of -1 leaves what the file has.
//
// Only root may give files away. Without that right, the group is set if it is one of the process's groups,
// and what cannot be set stays as it is, as with cp -p; the setuid and setgid bits, which would then mean
// something else, are never set.
type Owner struct {
	UID, GID int

	// Required makes the run fail if the owner or the group cannot be set.
	Required bool
}

// File writes the stream to the file called name. See [FileWith].
func File(name string) pipeline.Sink { return FileWith(name, FileOptions{}) }

// FileWith writes the stream to a file, which appears, or takes the place of an old one, only when the
// whole run has succeeded; its directory must exist. A failed run leaves what was there before, and nothing
// else. [Append], [Overwrite] and [Resume] do otherwise.
//
// The stream goes to a temporary file in the same directory, called .NAME.weir-0, or the next number if another
// run to NAME uses that, and locked (flock) while in use. When all of it is there, it is synced and closed, and
// the run's last step renames it and syncs the directory. So a flow may replace the file that it reads, and of
// several runs at once that write to one name, the last one to end wins, whole. What a killed run left under
// such a name is removed by the next run to NAME: if no process has locked it, or, on systems without flock, is
// more than a day old. A directory that is renamed during the run gets the file all the same.
//
// An old file's permission bits are kept, and its owner and group as far as the system allows it; a group
// that cannot be kept loses what others may not do either. On Linux its ACL is kept, and its security label where
// this process may set one; if an ACL cannot be kept, the mode gives nobody more than the ACL did. Further hard
// links to it keep the old content. Its other extended attributes, which describe the old content, are lost, and so
// are setuid, setgid and capabilities. A symbolic link stays, and its target is replaced.
//
// FIFOs, devices (/dev/null), descriptors (/dev/stdout, /dev/fd/3) and the files that the Linux kernel makes up
// (/proc, /sys) are written in place, as the stream comes, and cannot be undone; the options say nothing to them but
// NoClobber. FileWith waits until a FIFO has a reader; that wait, and writes that block, are interrupted when the
// run ends early.
//
// On Linux, where the stream comes from a file without a stage between, the kernel copies it
// (copy_file_range), and the file's holes stay holes. A stream that knows its size and has no holes gets
// its space beforehand where the file system can do that (fallocate), so that a full disk shows early.
//
// Fails before it reads if name is a directory, or in a directory that is missing or not writable, or a file that
// cannot be replaced, such as a mount point, which may still be written over: see InPlace and [Overwrite]. If the
// directory's sync fails after the rename, the error says that the file is in place. A sync that failed is not
// tried again.
func FileWith(name string, opts FileOptions) pipeline.Sink {
	return pipeline.NewSink(atomicfile.PathIn(opts.Root, name), func(ctx context.Context, in *pipeline.Inlet) error {
		return opts.write(ctx, in, name, (*atomicfile.Destination).Create)
	}).Writes(false, func() any { return place(fileid.PlaceOf(opts.Root, name)) })
}

// place is what [pipeline.Sink.Writes] compares.
func place(p fileid.Place, ok bool) any {
	if !ok {
		return nil
	}
	return p
}

// write writes the stream to the file that create begins.
func (o *FileOptions) write(ctx context.Context, in *pipeline.Inlet, name string, create func(*atomicfile.Destination, atomicfile.Options) (*atomicfile.File, error)) error {
	var d *atomicfile.Destination
	var f *atomicfile.File
	err := filelimit.Retry(ctx, func() (err error) {
		if d, err = o.locate(name); err != nil || d.Special() {
			return err
		}
		f, err = create(d, atomicfile.Options{
			Mode: o.Mode, CreateOnly: o.NoClobber, Sync: atomicfile.Sync(o.Sync), ModTime: o.ModTime, AccessTime: o.AccessTime,
			Owner: (*atomicfile.Owner)(o.Owner), Sparse: o.Sparse, Size: in.Size,
		})
		return err
	})
	reason, irreplaceable := errors.AsType[*atomicfile.ReplaceError](err)
	switch {
	case irreplaceable && o.InPlace != nil && o.InPlace(reason):
		over := InPlaceOptions{o.Mode, o.Sync, o.ModTime, o.AccessTime, o.Owner, o.Check, o.Root}
		return OverwriteWith(name, over).Run(ctx, in) // which must not be what the flow reads
	case err != nil:
		return err
	case d.Special():
		return special(ctx, in, d, o.Root, name)
	}
	return commit(ctx, in, f, func() error { return f.Finish(checked(ctx, o.Check)) })
}

// locate finds the destination, which must not exist with NoClobber.
func (o *FileOptions) locate(name string) (*atomicfile.Destination, error) {
	d, err := atomicfile.Locate(o.Root, name)
	if err != nil || !o.NoClobber {
		return d, err
	}
	if err := d.CheckNew(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// checked is an option Check for package atomicfile.
func checked(ctx context.Context, check func(context.Context, *os.File) error) func(*os.File) error {
	if check == nil {
		return nil
	}
	return func(f *os.File) error { return check(ctx, f) }
}

// A target has two exits.
type target interface {
	io.Writer
	Publish() error
	Discard() error
}

// commit writes the stream to f and calls finish; the run's last step publishes or discards f.
func commit(ctx context.Context, in *pipeline.Inlet, f target, finish func() error) error {
	in.AtEnd(func(_ context.Context, failed error) error { // from here on, also when this function panics
		if failed != nil {
			return f.Discard()
		}
		return f.Publish()
	})
	if err := in.CopyTo(ctx, f); err != nil {
		return err
	}
	return finish()
}

// special writes the stream to what cannot be replaced. Of what keeps the bytes (a block device, a descriptor of a regular file) it turns out
// only now that it is written in place: then it must not be a file that another node of the run uses.
func special(ctx context.Context, in *pipeline.Inlet, d *atomicfile.Destination, root *os.Root, name string) error {
	file, ok := fileid.PlaceOf(root, name)
	if !ok {
		return writeSpecial(ctx, in, d)
	}
	defer d.Close()
	return pipeline.NewSink(atomicfile.PathIn(root, name), func(ctx context.Context, in *pipeline.Inlet) error {
		return writeSpecial(ctx, in, d)
	}).Writes(true, func() any { return file }).Run(ctx, in)
}

// writeSpecial writes the stream to what cannot be replaced: a FIFO, a device, a descriptor.
func writeSpecial(ctx context.Context, in *pipeline.Inlet, d *atomicfile.Destination) (err error) {
	defer d.Close()
	if fd, ok := d.Descriptor(); ok {
		if err := ioctx.CheckDescriptor(fd); err != nil {
			return err
		}
	}
	f, err := d.OpenSpecial(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if err := copyTo(ctx, in, f); err != nil {
		return err
	}
	if d.Block() {
		return f.Sync()
	}
	return nil
}
