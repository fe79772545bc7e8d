package sinks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// FileOptions are the settings of [FileWith].
type FileOptions struct {
	// Mode has the permission bits of a new file, before the umask takes away from them; 0 means 0666. A
	// file that exists keeps its own, unless Owner is set.
	Mode fs.FileMode

	// NoClobber makes the run fail with an error that is [fs.ErrExist] if the file exists: before anything
	// is read, and also if it comes into being during the run. A symbolic link exists whether its target
	// does or not. FIFOs and character devices, which hold nothing that could be lost, are written to all
	// the same.
	NoClobber bool

	// Durability says what a crash of the system may take away after the run has succeeded.
	Durability Durability

	// ModTime and AccessTime are set on the file before it appears. The zero time leaves what the writing
	// made of them.
	ModTime, AccessTime time.Time

	// Owner, if it is not nil, is given to the file before it appears. Mode, if it is not 0, is then the
	// file's mode exactly, whatever the umask and an old file say: bits without their owner mean something
	// else.
	Owner *Owner

	// Append writes behind the end of a file that exists; others see the bytes as they come. A failed run
	// cuts the file back to its old length, unless somebody else has appended to it meanwhile. The file is
	// locked (flock) during the run; one that is locked already is an error. A file that does not exist
	// appears complete, as without Append, and not if another one has come into being first.
	Append bool

	// InPlace writes over a file that exists, which keeps its inode, its hard links and its extended
	// attributes. It is emptied when the first byte comes, and that cannot be undone: a failed run leaves
	// the part that it wrote. A file that does not exist appears complete.
	InPlace bool

	// Resume is a fingerprint of the source, like an ETag. If it is not empty, the stream goes to
	// .NAME.part, which stays when the run fails or is cancelled, and with it, in .NAME.part.id, the
	// fingerprint.
	Resume string

	// Offset is where in the file the stream begins, in bytes: what [Partial] said is there already. It goes
	// with Resume. 0 begins a new partial file. If there is less by now, the run fails.
	Offset int64

	// Sparse makes holes of what is zero for whole blocks of 4 KiB. Without it, only the holes of a source
	// that the kernel copies from become holes, and zeros among the first 4 MiB of a stream that the kernel
	// does not copy.
	Sparse bool

	// Check, if it is not nil, is called when the file has all its bytes, is synced, and has not appeared
	// yet. Its error fails the run. It may read f, and must neither write to it nor keep it. What is
	// written in place (FIFOs, devices) is not checked.
	Check func(ctx context.Context, f *os.File) error

	// Root, if it is not nil, is the folder that name is relative to, and that neither name nor a symbolic
	// link leads out of.
	Root *os.Root
}

// File writes the stream to the file called name. See [FileWith].
func File(name string) pipeline.Sink { return FileWith(name, FileOptions{}) }

// FileWith writes the stream to a file, which appears, or takes the place of an old one, only when the
// whole run has succeeded; its folder must exist. A failed run leaves what was there before, and nothing
// else. Append and InPlace change an old file where it is, Resume keeps what came.
//
// The stream goes to a temporary file in the same folder, called .NAME.weir-RANDOM and locked (flock) while
// in use. When all of it is there, it is synced and closed, and the run's last step renames it and syncs
// the folder. So a flow may replace the file that it reads, and of several runs at once that write to one
// name, the last one to end wins, whole. What a killed run left under such a name is removed by the next
// run to NAME. On Linux, a file that is not there yet has no name at all (O_TMPFILE) for its first 64 KiB,
// where the file system can do that.
//
// An old file's permission bits are kept, and its owner and group as far as the system allows it; a group
// that cannot be kept loses what others may not do either. Further hard links to it keep the old content;
// its extended attributes are lost. A symbolic link stays, and its target is replaced.
//
// FIFOs, devices (/dev/null) and descriptors (/dev/stdout, /dev/fd/3) are written in place, as the stream
// comes, and cannot be undone; the options say nothing to them but NoClobber. FileWith waits until a FIFO
// has a reader; that wait, and writes that block, are interrupted when the run ends early.
//
// On Linux, where the stream comes from a file without a stage between, the kernel copies it
// (copy_file_range), and the file's holes stay holes. A stream that knows its size and has no holes gets
// its space beforehand where the file system can do that (fallocate), so that a full disk shows early.
//
// A temporary file is stale when nobody holds its lock, or, on systems without flock, when it is more than
// a day old. Looking for them takes a process at most a hundredth of its time for one folder, and the first
// 100,000 names.
//
// Fails before it reads if name is a directory, or in a folder that is missing or not writable. If the
// folder's sync fails after the rename, the error says that the file is in place. A sync that failed is not
// tried again.
func FileWith(name string, opts FileOptions) pipeline.Sink {
	return pipeline.NewSink("file", func(ctx context.Context, in *pipeline.Inlet) error {
		if err := opts.check(); err != nil {
			return err
		}
		d, err := locate(name, opts)
		switch {
		case err != nil:
			return err
		case d.special:
			return d.pass(ctx, in)
		case d.old != nil && opts.Append:
			return d.extend(ctx, in)
		case d.old != nil && opts.InPlace:
			return d.overwrite(ctx, in)
		}
		return d.replace(ctx, in)
	})
}

// maxFingerprint is how long a fingerprint may be, in bytes.
const maxFingerprint = 64 << 10

func (o FileOptions) check() error {
	switch {
	case o.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("mode %#o: want permission bits, at most 0777", uint32(o.Mode))
	case o.Durability < DurabilityData || o.Durability > DurabilityFull:
		return fmt.Errorf("durability %d: want DurabilityData, DurabilityNone or DurabilityFull", o.Durability)
	case o.Owner != nil && (o.Owner.UID < -1 || o.Owner.GID < -1):
		return fmt.Errorf("owner %d:%d: want ids, or -1", o.Owner.UID, o.Owner.GID)
	case o.Append && o.InPlace:
		return errors.New("append and in place: want one of them")
	case o.Resume != "" && (o.Append || o.InPlace):
		return errors.New("resume: want neither append nor in place, which leave no partial file")
	case o.Check != nil && (o.Append || o.InPlace):
		return errors.New("check: want neither append nor in place, which cannot be undone")
	case o.Append && o.Sparse:
		return errors.New("append and sparse: what is appended has no holes")
	case o.Offset < 0:
		return fmt.Errorf("offset %d: want 0 or more bytes", o.Offset)
	case o.Offset > 0 && o.Resume == "":
		return fmt.Errorf("offset %d: want 0 without a fingerprint to resume", o.Offset)
	case len(o.Resume) > maxFingerprint:
		return fmt.Errorf("a fingerprint of %d bytes: want at most %d", len(o.Resume), maxFingerprint)
	}
	return nil
}
