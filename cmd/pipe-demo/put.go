package main

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) putCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put [flags] FILE URL",
		Short: "upload a file with PUT",
		Long: `Uploads a file, or standard input for -, with PUT. The server gets the end of
the body only when everything before it went well. A URL that ends in / gets the
file's name.`,
		Example: `  pipe-demo put big.iso https://host/upload/
  tar c . | pipe-demo put - http://127.0.0.1:9000/backup.tar
  pipe-demo put --limit-rate 1M video.mp4 http://127.0.0.1:9000/video.mp4`,
		Args: needArgs(2, 2, "it takes a file and a URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			src := word{asPath(args[0]), 0}
			target, err := uploadURL(args[1], args[0])
			if err != nil {
				return err
			}
			source, fe := endpoint(sourceRole, src)
			if fe != nil {
				return usageError("put: %s", fe.msg)
			}
			sink, fe := endpoint(sinkRole, word{target, 2})
			if fe != nil {
				return usageError("put: %s", fe.msg)
			}
			if _, err := checkSource(src.text); err != nil {
				return err
			}
			words := []string{args[0], "!", target}
			p := &plan{flow: &flow{words: words}, source: use{src, source}, chain: planned{sink: &use{word{target, 2}, sink}}}
			ctx, cancel := a.limits(cmd.Context())
			defer cancel()
			b := a.newBuild(ctx)
			pipe, err := b.pipeline(p)
			if err != nil {
				return err
			}
			report, err := a.runReport(ctx, &transfer{words: words, pipe: pipe, build: b})
			if err == nil {
				a.note("pipe-demo: %s: %s sent", printable(shown(target)), formatSize(progressOf(report).Done))
			}
			return err
		},
	}
	a.transferFlags(cmd)
	return cmd
}

// uploadURL checks the target of an upload and completes it with the file's name.
func uploadURL(target, file string) (string, error) {
	u, err := serverURL("put", target)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(u.Path, "/") || u.Path == "" {
		if file == "-" {
			return "", usageError("put: standard input has no name to put behind %s", target)
		}
		u = u.JoinPath(url.PathEscape(filepath.Base(file)))
	}
	return u.String(), nil
}
