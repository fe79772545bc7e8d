package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
)

const flowHelp = `The words ! [ ] stand alone and need no quotes. Sources and sinks are paths, -
or URLs; stages take key=value, and pipe-demo list shows them. tee [ … ! SINK ]
copies the stream into branches, and the chain may continue after it.`

func runCommand(c *cli.Console, reg *flow.Registry) *cobra.Command {
	o := flowOptions{console: c}
	dry := false
	cmd := &cobra.Command{
		Use:   "run [flags] SOURCE ! STAGE key=value ! SINK",
		Short: "run a flow",
		Long:  flowHelp,
		Example: `  pipe-demo run access.log ! gzip level=9 ! access.log.gz
  pipe-demo run in.gz ! gunzip ! tee [ sha256 name=out ! sums ] ! out
  tar c . | pipe-demo run - ! gzip ! http://127.0.0.1:9000/backup.tar.gz`,
		ValidArgsFunction: completeFlow(reg),
		RunE: func(cmd *cobra.Command, words []string) error {
			f, err := reg.Parse(words...)
			if err != nil {
				return err
			}
			if dry {
				return explainFlow(cmd.Context(), reg, f, &o, "text")
			}
			return runFlow(cmd.Context(), f, &o)
		},
	}
	o.existing.AddFlags(cmd.Flags())
	o.existing.AddInPlaceFlag(cmd.Flags())
	cli.AddFsyncFlag(cmd, &o.sync)
	cli.AddCheckSourceFlag(cmd.Flags(), &o.mayChange)
	o.limits.AddFlags(cmd.Flags())
	c.AddFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "explain the flow instead of running it")
	return cmd
}

func runFlow(ctx context.Context, f *flow.Flow, o *flowOptions) error {
	if err := o.existing.Check(); err != nil {
		return err
	}
	outputs, err := checkFlow(f, o.existing)
	if err != nil {
		return noteSkipped(o.console, err, outputs)
	}
	ctx, cancel := o.limits.Context(ctx)
	defer cancel()
	built, err := f.Build(o.build(ctx))
	if err != nil {
		return err
	}
	t := &cli.Task{Console: o.console, Words: f.Words(), Outputs: outputs, Existing: o.existing, Codec: isCodec(f), Digests: built.Digests}
	_, err = t.Run(ctx, built.Pipeline)
	if errors.Is(err, cli.ErrSkipped) {
		name := "an output"
		if len(f.Sinks()) == 1 {
			name = f.Words()[len(f.Words())-1]
		}
		o.console.Note("%s: exists already, skipped", name)
	}
	return err
}

// noteSkipped names the outputs that -n left in place.
func noteSkipped(c *cli.Console, err error, outputs []cli.Output) error {
	if errors.Is(err, cli.ErrSkipped) {
		for _, o := range outputs {
			if o.Exists() {
				c.Note("%s: exists already, skipped", o.Path)
			}
		}
	}
	return err
}

// completeFlow completes a flow word by word.
func completeFlow(reg *flow.Registry) cobra.CompletionFunc {
	return func(_ *cobra.Command, words []string, part string) ([]string, cobra.ShellCompDirective) {
		c := reg.Complete(words, part)
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
}
