package draw_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/draw"
)

func emit(text string) pipeline.Source {
	return pipeline.NewSource("emit", func(ctx context.Context, out *pipeline.Outlet) error {
		return out.Send(ctx, pipeline.ChunkOf([]byte(text)))
	})
}

func pass() pipeline.Stage { return pipeline.NewStage("pass", pipeline.Stage{}.Run) }

func discard() pipeline.Sink {
	return pipeline.NewSink("discard", func(ctx context.Context, in *pipeline.Inlet) error {
		return in.CopyTo(ctx, io.Discard)
	})
}

// A description and the report of the run that follows it look the same.
func TestText(t *testing.T) {
	p := pipeline.Concat(emit("a").Via(pass()), pipeline.Merge(emit("b"), emit("c"))).Via(pass()).To(pipeline.Tee(
		discard(),
		pipeline.BestEffort(pass().To(discard())),
		pass().To(pipeline.Tee(discard(), pipeline.Lossy(discard(), 77))),
	))
	d := p.Describe()
	want := `concat(emit → pass, merge(emit, emit)) → pass → tee
├ discard
├ (best effort) pass → discard
└ pass → tee
  ├ discard
  └ (lossy) discard`
	if diff := cmp.Diff(want, draw.Text(d)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(draw.Mermaid(d), "-.->") || !strings.Contains(draw.DOT(d), "style=dashed") {
		t.Error("inner sources are not drawn")
	}
	if draw.Text(new(pipeline.Pipeline).Describe()) != "" {
		t.Error("an empty flow draws something")
	}
	p = emit("a").Via(pass()).To(pipeline.Tee(discard(), pipeline.BestEffort(discard())))
	report, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(draw.Text(p.Describe()), draw.Text(report)); diff != "" {
		t.Error(diff)
	}
}

func TestMermaidAndDOT(t *testing.T) {
	d := pipeline.NewSource(`a "b"`, nil).To(pipeline.BestEffort(pipeline.NewSink("<c>", nil))).Describe()
	if diff := cmp.Diff("flowchart LR\n  n0([\"a &quot;b&quot;\"])\n  n1[(\"&lt;c&gt;\")]\n  n0 -->|best effort| n1\n", draw.Mermaid(d)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("digraph flow {\n  rankdir=LR;\n  node [shape=box];\n  n0 [label=\"a \\\"b\\\"\"];\n  n1 [label=\"<c>\"];\n  n0 -> n1 [label=\"best effort\"];\n}\n", draw.DOT(d)); diff != "" {
		t.Error(diff)
	}
}
