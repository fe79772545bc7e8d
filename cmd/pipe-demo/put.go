package main

import (
	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/cmd/pipe-demo/internal/transfer"
)

func putCommand(c *cli.Console) *cobra.Command {
	u := &transfer.Upload{Console: c, Retries: 5}
	cmd := &cobra.Command{
		Use:   "put [flags] FILE URL",
		Short: "upload a file; what was interrupted is resumed",
		Long: `FILE is - for stdin; a URL that ends in / gets the file's name. A server that
speaks tus has the upload resumed, any other one gets the PUT again.`,
		Example: `  pipe-demo put big.iso https://host/uploads/   again, after Ctrl-C: it resumes
  pipe-demo put -n --limit-rate 1M video.mp4 http://127.0.0.1:8080/v.mp4
  tar c . | pipe-demo put - http://127.0.0.1:8080/backup.tar`,
		Args: cli.Args(2, 2, "it takes a file and a URL"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			u.File, u.URL = args[0], args[1]
			return u.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&u.NoClobber, "no-clobber", "n", false, "leave a file that exists at the server, exit 0")
	f.Var(&u.SHA256, "sha256", "what the file must be; exit 6 if it is not")
	f.IntVar(&u.Retries, "retries", u.Retries, "try again up to `N` times in a row")
	f.Var(&u.Timeout, "timeout", "how long the server may be silent (default 1m)")
	f.Var(&u.AnswerTimeout, "answer-timeout", "the same once it has everything (default 10m)")
	cli.AddCheckSourceFlag(f, &u.MayChange)
	u.Limits.AddFlags(f)
	c.AddFlags(cmd)
	return cmd
}
