package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
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
		ValidArgsFunction: completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			p, err := planFlow(words)
			if err != nil {
				return err
			}
			if dry {
				return a.explain(cmd.Context(), p, "text")
			}
			rule, err := a.flags.rule()
			if err != nil {
				return err
			}
			if err := p.check(rule); err != nil {
				return a.skipped(err, p)
			}
			ctx, cancel := a.limits(cmd.Context())
			defer cancel()
			b := a.newBuild(ctx)
			pipe, err := b.pipeline(p)
			if err != nil {
				return err
			}
			return a.run(ctx, &transfer{words: words, outputs: p.outputs(), codec: p.codec(), pipe: pipe, build: b})
		},
	}
	a.outputFlags(cmd.Flags())
	a.transferFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "explain the flow instead of running it")
	return cmd
}

// skipped says which outputs -n left in place.
func (a *app) skipped(err error, p *plan) error {
	if errors.Is(err, errSkipped) {
		for path := range existing(p.outputs()) {
			a.note("pipe-demo: %s: exists already, skipped", path)
		}
	}
	return err
}

// completeFlow completes a flow word by word.
func completeFlow(_ *cobra.Command, words []string, part string) ([]string, cobra.ShellCompDirective) {
	const files, plain = cobra.ShellCompDirectiveDefault, cobra.ShellCompDirectiveNoFileComp
	if len(words) == 0 {
		return nil, files
	}
	start := 0
	for i, w := range words {
		if isMark(w) {
			start = i + 1
		}
	}
	element := words[start:]
	last := words[len(words)-1]
	switch {
	case last == "]":
		return []string{"!", "[", "]"}, plain
	case last == "tee" && len(element) == 1:
		return []string{"["}, plain
	case start == 0:
		return []string{"!"}, plain
	case len(element) == 0:
		var found []string
		for _, e := range elementsOf(stageRole) {
			found = append(found, e.name+"\t"+e.doc)
		}
		return found, files
	}
	e := stageNamed(element[0])
	if e == nil {
		return []string{"]"}, plain
	}
	if key, _, ok := strings.Cut(part, "="); ok {
		for _, o := range e.options {
			if o.name != key {
				continue
			}
			var found []string
			for _, w := range o.kind.words {
				found = append(found, key+"="+w)
			}
			if found == nil {
				found = []string{key + "=" + o.example}
			}
			return found, plain
		}
	}
	found := []string{"!"}
	for _, o := range e.options {
		found = append(found, o.name+"=\t"+o.doc)
	}
	return found, plain | cobra.ShellCompDirectiveNoSpace
}
