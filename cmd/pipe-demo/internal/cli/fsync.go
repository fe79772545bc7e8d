package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/sinks"
)

// fsyncFlag is a flag: what is done so that an output outlasts a crash of the system.
type fsyncFlag struct{ *sinks.Sync }

// fsyncWords are the values of the flag, in the order of [sinks.Sync].
var fsyncWords = []string{"data", "none", "full"}

// AddFsyncFlag is --fsync.
func AddFsyncFlag(cmd *cobra.Command, s *sinks.Sync) {
	cmd.Flags().Var(fsyncFlag{s}, "fsync", "data, none or full, for a power cut")
	CompleteWords(cmd, "fsync", fsyncWords)
}

func (f fsyncFlag) String() string {
	if f.Sync == nil { // pflag asks a zero value
		return ""
	}
	return fsyncWords[*f.Sync]
}

func (f fsyncFlag) Type() string { return "WORD" }

func (f fsyncFlag) Set(s string) error {
	i := slices.Index(fsyncWords, s)
	if i < 0 {
		return errors.New("it takes " + text.OrList(fsyncWords))
	}
	*f.Sync = sinks.Sync(i)
	return nil
}
