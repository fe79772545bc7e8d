package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/cmd/pipe-demo/internal/transfer"
	"github.com/weirflow/weir/internal/text"
)

func getCommand(c *cli.Console) *cobra.Command {
	d := &transfer.Download{Console: c, Destination: ".", Retries: 5}
	cmd := &cobra.Command{
		Use:   "get [flags] URL [DST]",
		Short: "download a file; what was interrupted is resumed",
		Long:  `DST is a file, a directory, or - for stdout; without it the URL has the name.`,
		Example: `  pipe-demo get https://host/big.iso         again, after Ctrl-C: it resumes
  pipe-demo get --sha256 9f86d0…0a08 https://host/big.iso /tmp/
  pipe-demo get https://host/a.tar - | tar x`,
		Args: cli.Args(1, 2, "it takes a URL and a destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.URL = args[0]
			if len(args) == 2 {
				d.Destination = args[1]
			}
			if strings.HasPrefix(d.Destination, "http://") || strings.HasPrefix(d.Destination, "https://") {
				return cli.Usage("get: it takes one URL, and then the file that it becomes; got %s", text.RedactURL(d.Destination)).
					WithHint("a call for each URL; pipe-demo put uploads")
			}
			return d.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	d.Existing.AddFlags(f)
	d.Existing.AddInPlaceFlag(f)
	f.Var(&d.SHA256, "sha256", "what the file must be; exit 6 if it is not")
	f.BoolVar(&d.Decode, "decode", false, "undo the content coding gzip that a server sends")
	f.Var(&d.Timeout, "timeout", "how long the server may be silent (default 1m)")
	f.Var(&d.MaxSize, "max-size", "refuse a larger file, such as 500M; exit 7")
	f.IntVar(&d.Retries, "retries", d.Retries, "try again up to `N` times in a row")
	d.Limits.AddFlags(f)
	c.AddFlags(cmd)
	return cmd
}
