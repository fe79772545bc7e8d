package main

import (
	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/cmd/pipe-demo/internal/copytree"
)

func cpCommand(c *cli.Console) *cobra.Command {
	o := &copytree.Copy{Console: c}
	dry := false
	cmd := &cobra.Command{
		Use:     "cp [flags] SRC... DST",
		Short:   "copy files and directories; each appears complete or not at all",
		Example: `  pipe-demo cp -rp --verify --resume photos/ /mnt/backup/`,
		Args:    cli.Args(2, -1, "it takes one or more sources and a destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Sources, o.Destination = args[:len(args)-1], args[len(args)-1]
			if o.Existing.InPlace && o.Resume {
				return cli.Usage("--in-place and --resume exclude each other: a partial file has to be replaced by the whole")
			}
			if dry {
				return o.Explain()
			}
			return o.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	o.Existing.AddFlags(f)
	o.Existing.AddInPlaceFlag(f)
	f.BoolVarP(&o.Recursive, "recursive", "r", false, "copy directories, and links as links")
	f.BoolVarP(&o.Preserve, "preserve", "p", false, "keep mode, times and, if allowed, owner")
	f.BoolVar(&o.Verify, "verify", false, "read it back before it appears; exit 6 if it differs")
	f.BoolVar(&o.Resume, "resume", false, "keep .NAME.part when it fails, and resume it")
	cli.AddFsyncFlag(cmd, &o.Sync)
	f.BoolVar(&dry, "dry-run", false, "say what would be copied, and stop")
	cli.AddCheckSourceFlag(f, &o.MayChange)
	o.Limits.AddFlags(f)
	c.AddFlags(cmd)
	return cmd
}
