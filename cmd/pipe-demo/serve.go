package main

import (
	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
)

func serveCommand(c *cli.Console, reg *flow.Registry) *cobra.Command {
	s := newServer(c, "serve", 4) // a connection, a file or a peer, and what is opened for a moment
	site := &site{server: s, registry: reg}
	cmd := &cobra.Command{
		Use:   "serve [flags] [PATH | - | SOURCE ! STAGE ...]",
		Short: "serve a file, a directory or a flow over HTTP; or a tune",
		Long: `Serves a file at / and /NAME, or the files of a directory. A flow runs for each
GET and has the response as its sink. Standard input serves one GET, and then
the server ends: with exit 0 if the client has all of it, with 5 if it left. The
one line on stdout says where. Ctrl-C ends it after the transfers under way.`,
		Example: `  pipe-demo serve                            then open http://127.0.0.1:8080/
  pipe-demo serve --list --addr :8080 music/   for the phone, too
  pipe-demo serve access.log.gz ! gunzip     one run per request
  tar c . | pipe-demo serve -                once`,
		ValidArgsFunction: completeFlow(reg),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && !isFlow(reg, args) {
				return cli.Args(0, 1, "it takes one path, or a flow")(cmd, args)
			}
			certificate, err := s.certificate()
			if err != nil {
				return err
			}
			s.log = c.NewRequestLog()
			handler, done, err := site.handler(args)
			if err != nil {
				return err
			}
			defer done()
			return s.serve(cmd.Context(), handler, certificate)
		},
	}
	f := cmd.Flags()
	s.addFlags(f)
	f.Var(&site.rate, "limit-rate", "bytes per second at most, of each response")
	f.BoolVar(&site.list, "list", false, "a page for each directory without index.html")
	f.BoolVar(&site.precompressed, "precompressed", false, "send NAME.br, .zst or .gz for NAME where it is as new")
	return cmd
}
