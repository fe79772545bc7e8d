package sinks

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/pipeline"
)

// InPlaceOptions are the settings of [AppendWith] and [OverwriteWith]. The fields are those of [FileOptions].
type InPlaceOptions struct {
	Mode                fs.FileMode
	Sync                Sync
	ModTime, AccessTime time.Time
	Owner               *Owner
	Check               func(ctx context.Context, f *os.File) error
	Root                *os.Root
}

// Append writes the stream behind the end of the file called name. See [AppendWith].
func Append(name string) pipeline.Sink { return AppendWith(name, InPlaceOptions{}) }

// AppendWith writes the stream behind the end of a file; others see the bytes as they come. A failed run cuts
// the file back to its old length, unless another process has appended to it meanwhile. The file is locked
// (flock) during the run; one that is locked already is an error. A file that does not exist appears complete,
// as with [FileWith], and not if another one has come into being first.
//
// A run that also reads the file, or writes it twice, fails before it touches anything: see [pipeline.SameFileError].
func AppendWith(name string, opts InPlaceOptions) pipeline.Sink {
	return pipeline.NewSink(atomicfile.PathIn(opts.Root, name), func(ctx context.Context, in *pipeline.Inlet) error {
		return opts.write(ctx, in, name, true, (*atomicfile.Destination).Append)
	}).Writes(true, func() any { return place(fileid.PlaceOf(opts.Root, name)) })
}

// Overwrite writes the stream over the file called name. See [OverwriteWith].
func Overwrite(name string) pipeline.Sink { return OverwriteWith(name, InPlaceOptions{}) }

// OverwriteWith writes the stream over a file, which keeps its inode, its hard links, its access and its
// extended attributes, as far as the system leaves them to a file that is written to. It is the way to write a file
// that cannot be replaced: a mount point, or one in a directory that may not be written to. It is locked (flock)
// during the run; one that is locked already is an error. It is emptied when the first byte comes, and that cannot
// be undone: a failed run leaves the part that it wrote. So Check cannot take anything back; it needs the right to
// read the file. A file that does not exist appears complete, as with [FileWith].
//
// A run that also reads the file, or writes it twice, fails before it touches anything: see [pipeline.SameFileError].
func OverwriteWith(name string, opts InPlaceOptions) pipeline.Sink {
	return pipeline.NewSink(atomicfile.PathIn(opts.Root, name), func(ctx context.Context, in *pipeline.Inlet) error {
		return opts.write(ctx, in, name, false, (*atomicfile.Destination).Overwrite)
	}).Writes(true, func() any { return place(fileid.PlaceOf(opts.Root, name)) })
}

func (o *InPlaceOptions) write(ctx context.Context, in *pipeline.Inlet, name string, createOnly bool, open func(*atomicfile.Destination, atomicfile.Options) (*atomicfile.InPlace, error)) error {
	opts := atomicfile.Options{
		Mode: o.Mode, CreateOnly: createOnly, Sync: atomicfile.Sync(o.Sync), ModTime: o.ModTime, AccessTime: o.AccessTime,
		Owner: (*atomicfile.Owner)(o.Owner), Size: in.Size,
	}
	var d *atomicfile.Destination
	var old *atomicfile.InPlace
	var f *atomicfile.File
	err := filelimit.Retry(ctx, func() (err error) {
		d, err = atomicfile.Locate(o.Root, name)
		switch {
		case err != nil || d.Special():
		case d.Exists():
			old, err = open(d, opts)
		default:
			f, err = d.Create(opts)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case d.Special():
		return writeSpecial(ctx, in, d) // it has been compared with other files already
	case old != nil:
		return commit(ctx, in, old, func() error { return old.Finish(checked(ctx, o.Check)) })
	}
	return commit(ctx, in, f, func() error { return f.Finish(checked(ctx, o.Check)) })
}
