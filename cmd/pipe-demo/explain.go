package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

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
		ValidArgsFunction: completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			p, err := planFlow(words)
			if err != nil {
				return err
			}
			return a.explain(cmd.Context(), p, format.value)
		},
	}
	a.outputFlags(cmd.Flags())
	cmd.Flags().Var(&a.flags.limitRate, "limit-rate", "bytes per second at most, such as 500k or 10M")
	cmd.Flags().Var(&format, "format", "text, mermaid or dot")
	completeWords(cmd, "format", format.words)
	return cmd
}

// explain draws the flow, and then ends as a run of it would before its first byte.
func (a *app) explain(ctx context.Context, p *plan, format string) error {
	rule, err := a.flags.rule()
	if err != nil {
		return err
	}
	pipe, err := a.newBuild(ctx).pipeline(p)
	if err != nil {
		return err
	}
	shape := pipe.Describe()
	verdict := p.check(rule)
	if fe, ok := errors.AsType[*flowError](verdict); ok {
		return fe
	}
	switch format {
	case "mermaid":
		fmt.Fprintln(a.out, strings.TrimRight(draw.Mermaid(shape), "\n"))
		return a.skipped(verdict, p)
	case "dot":
		fmt.Fprintln(a.out, strings.TrimRight(draw.DOT(shape), "\n"))
		return a.skipped(verdict, p)
	}
	fmt.Fprintf(a.out, "%s\n\n", text.Printable(text.Quote(allShown(p.flow.print()))))
	tw := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(tw, "  source\t%s\t%s\n", text.Printable(shown(p.source.text)), describeSource(p.source))
	if a.flags.limitRate > 0 {
		fmt.Fprintf(tw, "  stage\tlimit\tat most %s\n", text.Rate(float64(a.flags.limitRate)))
	}
	explainChain(tw, &p.chain, rule, "  ", "  ")
	tw.Flush()
	fmt.Fprintf(a.out, "\n%s\n", strings.TrimRight(draw.Text(shape), "\n"))

	// A channel holds its buffer, its sender one chunk and its receiver another (at most a MiB each).
	var most int64
	for _, e := range shape.Channels {
		most += e.Buffer + 2*largestChunk
	}
	fmt.Fprintf(a.out, "\nmemory: at most %s of the stream at a time, channels: %d\n", text.Size(most), len(shape.Channels))
	return a.skipped(verdict, p)
}

// largestChunk is the largest of the engine's buffers.
const largestChunk = 1 << 20

// explainChain writes a line for each element of a chain; the first line starts with first, the others with indent.
func explainChain(w io.Writer, c *planned, rule outputRule, first, indent string) {
	line := func(kind, name, doc string) {
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", first, kind, text.Printable(name), doc)
		first = indent
	}
	for _, s := range c.stages {
		words := []string{s.elem.name}
		for _, o := range s.elem.options {
			if v, ok := s.values[o.name]; ok {
				words = append(words, fmt.Sprintf("%s=%v", o.name, v))
			}
		}
		line("stage", text.Quote(words), s.elem.doc)
	}
	if c.sink != nil {
		line("sink", shown(c.sink.text), describeSink(*c.sink, rule))
		return
	}
	line("tee", fmt.Sprintf("%d branches", len(c.branches)), stageNamed("tee").doc)
	for _, b := range lateFirst(c.branches) {
		explainChain(w, b, rule, indent+"[ ", indent+"  ")
	}
}

// describeSource tells the size and the kind of a regular file, from at most 4 KiB of it, and a ? for everything else.
func describeSource(u use) string {
	path, err := localPath(u.text)
	if err != nil || u.text == "-" || u.elem.network {
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
	return fmt.Sprintf("%s, %s", text.Size(info.Size()), kind)
}

func describeSink(u use, rule outputRule) string {
	switch {
	case u.elem.network:
		return "PUT"
	case u.text == "-":
		return "standard output"
	}
	path, err := localPath(u.text)
	if err != nil {
		return "?"
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
