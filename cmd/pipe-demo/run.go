package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/flow"
)

const flowHelp = `The words ! [ ] stand alone and need no quotes. Sources and sinks are paths, -
or URLs; stages take key=value, and pipe-demo list shows them. tee [ … ! SINK ]
copies the stream into branches, and the chain may go on behind it.`

func (a *app) runCommand() *cobra.Command {
	dry := false
	cmd := &cobra.Command{
		Use:   "run [flags] SOURCE ! STAGE key=value ! SINK",
		Short: "run a flow",
		Long:  flowHelp,
		Example: `  pipe-demo run access.log ! gzip level=9 ! access.log.gz
  pipe-demo run in.gz ! gunzip ! tee [ sha256 ! sums ] ! out
  pipe-demo run /dev/urandom ! take bytes=1M ! noise.bin
  tar c . | pipe-demo run - ! gzip ! http://127.0.0.1:9000/backup.tar.gz
  pipe-demo run -f a ! gzip ! a              replaces its own source`,
		ValidArgsFunction: a.completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			f, err := a.registry.Parse(words...)
			if err != nil {
				return err
			}
			if dry {
				return a.explain(cmd.Context(), f, "text")
			}
			rule, err := a.flags.rule()
			if err != nil {
				return err
			}
			if err := checkFlow(f, rule); err != nil {
				return a.skipped(err, f)
			}
			ctx, cancel := a.limits(cmd.Context())
			defer cancel()
			b := a.newBuild(ctx)
			pipe, err := b.pipeline(f)
			if err != nil {
				return err
			}
			return a.run(ctx, &transfer{words: f.Words(), outputs: outputs(f), codec: isCodec(f), pipe: pipe, build: b})
		},
	}
	a.outputFlags(cmd.Flags())
	a.transferFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "explain the flow instead of running it")
	return cmd
}

// skipped says which outputs -n left in place.
func (a *app) skipped(err error, f *flow.Flow) error {
	if errors.Is(err, errSkipped) {
		for path := range existing(outputs(f)) {
			a.note("pipe-demo: %s: exists already, skipped", path)
		}
	}
	return err
}

// completeFlow completes a flow word by word.
func (a *app) completeFlow(_ *cobra.Command, words []string, part string) ([]string, cobra.ShellCompDirective) {
	c := a.registry.Complete(words, part)
	var found []string
	for _, s := range c.Words {
		found = append(found, strings.TrimSuffix(s.Word+"\t"+s.Doc, "\t"))
	}
	directive := cobra.ShellCompDirectiveDefault
	if !c.Files {
		directive = cobra.ShellCompDirectiveNoFileComp
	}
	if c.NoSpace {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return found, directive
}
