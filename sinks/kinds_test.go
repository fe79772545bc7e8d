package sinks_test

import (
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// options choose one of the sinks that write files, for tests that hold for all of them.
type options struct {
	sinks.FileOptions
	Append, InPlace bool
	Resume          string
	Offset          int64
}

func (o options) sink(name string) pipeline.Sink {
	inPlace := sinks.InPlaceOptions{Mode: o.Mode, Sync: o.Sync, ModTime: o.ModTime, AccessTime: o.AccessTime, Owner: o.Owner, Root: o.Root}
	switch {
	case o.Append:
		return sinks.AppendWith(name, inPlace)
	case o.InPlace:
		return sinks.OverwriteWith(name, inPlace)
	case o.Resume != "":
		return sinks.Resume(name, o.Resume, o.Offset, o.FileOptions)
	}
	return sinks.FileWith(name, o.FileOptions)
}
