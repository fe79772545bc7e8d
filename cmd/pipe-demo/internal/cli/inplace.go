package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// AddInPlaceFlag is --in-place.
func (e *Existing) AddInPlaceFlag(f *pflag.FlagSet) {
	f.BoolVar(&e.InPlace, "in-place", false, "with -f: write over an output; a failure leaves a part")
}

// Overwrites reports whether an output that exists is written over rather than replaced.
func (e Existing) Overwrites() bool { return e.InPlace && e.Force }

// FileOptions are those of a sink that makes the output called shown, as the flags say. Its sink is that of [FileSink],
// or [sinks.Resume].
//
// With -f, a file that may be written to, in a directory that may not, is written over: that is all that the user may do
// to it. A mount point is not, because where it is mounted from it could be replaced.
func (e Existing) FileOptions(c *Console, shown string) sinks.FileOptions {
	if !e.Force {
		return sinks.FileOptions{NoClobber: true}
	}
	return sinks.FileOptions{InPlace: func(reason error) bool {
		r, ok := errors.AsType[*atomicfile.ReplaceError](reason)
		if !ok || !r.Closed {
			return false
		}
		c.Warning(shown, "is written over, and a failure leaves a part: "+r.Err.Error())
		return true
	}}
}

// FileSink is the sink that makes the output called name.
func (e Existing) FileSink(name string, o sinks.FileOptions) pipeline.Sink {
	if !e.Overwrites() {
		return sinks.FileWith(name, o)
	}
	return sinks.OverwriteWith(name, sinks.InPlaceOptions{
		Mode: o.Mode, Sync: o.Sync, ModTime: o.ModTime, AccessTime: o.AccessTime, Owner: o.Owner, Check: o.Check, Root: o.Root,
	})
}

// CheckReplace fails if the output is to be replaced and cannot be.
func (o Output) CheckReplace(existing Existing) error {
	if !o.Exists() || !existing.Force || existing.InPlace {
		return nil
	}
	d, err := atomicfile.Locate(nil, o.Path)
	if err != nil {
		return nil // the sink will say why
	}
	defer d.Close()
	err = d.CheckReplace()
	if r, ok := errors.AsType[*atomicfile.ReplaceError](err); ok && !r.Closed {
		return Errorf(ExitFailed, "%s: %w", o.Path, r).WithHint(writeOverHint)
	}
	return nil
}

const writeOverHint = "--in-place writes over it; a failure then leaves a part of the new content"
