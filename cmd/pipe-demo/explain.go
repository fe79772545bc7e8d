package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline/draw"
)

func (a *app) explainCommand() *cobra.Command {
	format := newChoice("text", "mermaid", "dot")
	cmd := &cobra.Command{
		Use:   "explain [flags] SOURCE ! STAGE key=value ! SINK",
		Short: "say what a flow would do; writes nothing",
		Long: `Checks a flow as run does, shows its nodes, its channels and how much memory
they may hold. The exit code is run's: 2 for a flow that is wrong, 3 for a
missing source, 4 for an output in place.`,
		Example: `  pipe-demo explain access.log ! gzip ! access.log.gz
  pipe-demo explain --format dot in ! tee [ sha256 ! sums ] ! out | dot -Tsvg`,
		ValidArgsFunction: a.completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			f, err := a.registry.Parse(words...)
			if err != nil {
				return err
			}
			return a.explain(cmd.Context(), f, format.value)
		},
	}
	a.outputFlags(cmd.Flags())
	cmd.Flags().Var(&a.flags.limitRate, "limit-rate", "bytes per second at most, such as 500k or 10M")
	cmd.Flags().Var(&format, "format", "text, mermaid or dot")
	completeWords(cmd, "format", format.words)
	return cmd
}

// explain draws the flow, and then ends as a run of it would before its first byte.
func (a *app) explain(ctx context.Context, f *flow.Flow, format string) error {
	rule, err := a.flags.rule()
	if err != nil {
		return err
	}
	built, err := f.Build(a.newBuild(ctx).options())
	if err != nil {
		return err
	}
	verdict := checkFlow(f, rule)
	if fe, ok := errors.AsType[*flow.Error](verdict); ok {
		return fe
	}
	switch format {
	case "mermaid":
		_, err = fmt.Fprintln(a.out, strings.TrimRight(draw.Mermaid(built.Pipeline.Describe()), "\n"))
	case "dot":
		_, err = fmt.Fprintln(a.out, strings.TrimRight(draw.DOT(built.Pipeline.Describe()), "\n"))
	default:
		err = built.Explain(a.out, func(e flow.Endpoint) string {
			if e.Element.Role() == flow.SinkRole {
				return describeSink(e, rule)
			}
			about := a.describeSource(e)
			if a.flags.limitRate > 0 {
				about += fmt.Sprintf(", at most %s", text.Rate(float64(a.flags.limitRate)))
			}
			return about
		})
	}
	if err != nil {
		return err
	}
	return a.skipped(verdict, f)
}

// describeSource tells the size and the kind of a regular file, from at most 4 KiB of it, and a ? for everything else.
func (a *app) describeSource(e flow.Endpoint) string {
	path, err := e.File()
	if err != nil || path == "" {
		return "?"
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "missing"
	case info.IsDir():
		return "a directory"
	case !info.Mode().IsRegular():
		return "?"
	}
	f, err := os.Open(path)
	if err != nil {
		return bareCause(err).Error()
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return bareCause(err).Error()
	}
	kind, _, _ := strings.Cut(http.DetectContentType(head[:n]), ";")
	if codec := a.registry.Codec(head[:n]); codec != nil {
		kind = codec.Type
	}
	return fmt.Sprintf("%s, %s", text.Size(info.Size()), kind)
}

func describeSink(e flow.Endpoint, rule outputRule) string {
	path, err := e.File()
	if err != nil || path == "" {
		return e.Element.Doc
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return "a directory"
	case err == nil && !overwrites(info):
		return "written in place"
	case err == nil && rule.force:
		return fmt.Sprintf("replaces %s", text.Size(info.Size()))
	case err == nil:
		return fmt.Sprintf("exists: %s", text.Size(info.Size()))
	}
	return "a new file"
}
