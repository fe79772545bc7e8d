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

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline/draw"
)

func explainCommand(c *cli.Console, reg *flow.Registry) *cobra.Command {
	o := flowOptions{console: c}
	format := cli.NewChoice("text", "mermaid", "dot")
	cmd := &cobra.Command{
		Use:   "explain [flags] SOURCE ! STAGE key=value ! SINK",
		Short: "say what a flow would do; writes nothing",
		Long: `Checks a flow as run does, shows its nodes, its channels and how much memory
they may hold. The exit code is run's: 2 for a flow that is wrong, 3 for a
missing source, 4 for an output that exists.`,
		Example: `  pipe-demo explain access.log ! gzip ! access.log.gz
  pipe-demo explain --format dot in ! tee [ sha256 ! sums ] ! out | dot -Tsvg`,
		ValidArgsFunction: completeFlow(reg),
		RunE: func(cmd *cobra.Command, words []string) error {
			f, err := reg.Parse(words...)
			if err != nil {
				return err
			}
			return explainFlow(cmd.Context(), reg, f, &o, format.Value)
		},
	}
	o.existing.AddFlags(cmd.Flags())
	o.existing.AddInPlaceFlag(cmd.Flags())
	cmd.Flags().Var(&o.limits.Rate, "limit-rate", "bytes per second at most, such as 500k or 10M")
	cmd.Flags().Var(&format, "format", "text, mermaid or dot")
	cli.CompleteWords(cmd, "format", format.Words)
	return cmd
}

// explainFlow draws the flow, and then ends as a run of it would before its first byte.
func explainFlow(ctx context.Context, reg *flow.Registry, f *flow.Flow, o *flowOptions, format string) error {
	if err := o.existing.Check(); err != nil {
		return err
	}
	built, err := f.Build(o.build(ctx))
	if err != nil {
		return err
	}
	outputs, refused := checkFlow(f, o.existing)
	if fe, ok := errors.AsType[*flow.Error](refused); ok {
		return fe
	}
	out := o.console.Out
	switch format {
	case "mermaid":
		_, err = fmt.Fprintln(out, strings.TrimRight(draw.Mermaid(built.Pipeline.Describe()), "\n"))
	case "dot":
		_, err = fmt.Fprintln(out, strings.TrimRight(draw.DOT(built.Pipeline.Describe()), "\n"))
	default:
		err = built.Explain(out, func(e flow.Endpoint) string {
			if e.Element.Role() == flow.SinkRole {
				return describeSink(e, o.existing)
			}
			about := describeSource(reg, e)
			if rate := o.limits.Rate; rate > 0 {
				about += ", at most " + text.Rate(float64(rate))
			}
			return about
		})
	}
	if err != nil {
		return err
	}
	return noteSkipped(o.console, refused, outputs)
}

// describeSource is the size and the type of a regular file, from at most 4 KiB of it, and a ? for everything else.
func describeSource(reg *flow.Registry, e flow.Endpoint) string {
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
		return cli.Cause(err).Error()
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return cli.Cause(err).Error()
	}
	kind, _, _ := strings.Cut(http.DetectContentType(head[:n]), ";")
	if codec := reg.Codec(head[:n]); codec != nil {
		kind = codec.Type
	}
	size := "?"
	if w, info, err := fileid.NewWatch(f); err == nil {
		if bytes, known := w.Size(info); known || n == 0 {
			size = text.Size(bytes)
		}
	}
	return size + ", " + kind
}

func describeSink(e flow.Endpoint, existing cli.Existing) string {
	path, err := e.File()
	if err != nil || path == "" {
		return e.Element.Doc
	}
	switch o := cli.LookAt(path); {
	case o.IsDir():
		return "a directory"
	case !o.Exists():
		return "a new file"
	case !o.Loses(), atomicfile.IsPseudo(path):
		return "written in place"
	case existing.Overwrites():
		return "writes over " + text.Size(o.Info.Size())
	case existing.Force:
		return "replaces " + text.Size(o.Info.Size())
	default:
		return "exists: " + text.Size(o.Info.Size())
	}
}
