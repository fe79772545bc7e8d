package pipeline_test

import (
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/pipeline"
)

// paced emits n chunks of a page, with pause before each.
func paced(n int, pause time.Duration) pipeline.Source {
	return pipeline.NewSource("paced", func(ctx context.Context, out *pipeline.Outlet) error {
		for range n {
			time.Sleep(pause)
			if err := out.Send(ctx, pipeline.NewChunk(4096)); err != nil {
				return err
			}
		}
		return nil
	})
}

// slow takes pause for every chunk.
func slow(pause time.Duration) pipeline.Stage {
	return pipeline.NewStage("slow", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			time.Sleep(pause)
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// In virtual time busy, idle and backpressured add up exactly.
func TestReportTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := paced(100, time.Second).Via(slow(3 * time.Second)).Via(slow(2 * time.Second)).To(discard())
		p.Buffer = 4096
		report := run(t, p, nil)
		for i, n := range report.Nodes {
			n.Busy, n.Idle, n.Backpressured = n.Busy.Round(time.Second), n.Idle.Round(time.Second), n.Backpressured.Round(time.Second)
			report.Nodes[i] = n
		}
		want := []pipeline.NodeStats{
			// The last two chunks of the source wait for nobody: one lies in the channel, one is at
			// work.
			{Name: "paced", Parent: -1, Out: 409600, Busy: 100 * time.Second, Backpressured: 98*2*time.Second - 2*time.Second + time.Second},
			{Name: "slow", Parent: -1, In: 409600, Out: 409600, Busy: 300 * time.Second, Idle: time.Second},
			{Name: "slow", Parent: -1, In: 409600, Out: 409600, Busy: 200 * time.Second, Idle: 103*time.Second - time.Second + time.Second},
			{Name: "discard", Parent: -1, In: 409600, Idle: 303 * time.Second},
		}
		for i, n := range report.Nodes {
			sum := n.Busy + n.Idle + n.Backpressured
			if i > 0 && i < 3 && (n.Busy != want[i].Busy || n.Name != want[i].Name || n.In != want[i].In || n.Out != want[i].Out) {
				t.Errorf("node %d: %+v, want %+v", i, n, want[i])
			}
			if sum > report.Elapsed+time.Second {
				t.Errorf("node %d: %+v adds up to more than %v", i, n, report.Elapsed)
			}
		}
		if b := report.Bottleneck(); b != 1 {
			t.Errorf("bottleneck %d, want 1: %+v", b, report.Nodes)
		}
		if n := report.Nodes[0]; n.Backpressured < 190*time.Second {
			t.Errorf("upstream of the bottleneck: %+v", n)
		}
		if n := report.Nodes[2]; n.Idle < 100*time.Second {
			t.Errorf("downstream of the bottleneck: %+v", n)
		}
		if report.Elapsed.Round(time.Second) != 303*time.Second {
			t.Errorf("elapsed %v", report.Elapsed)
		}
	})
}

// A snapshot has the waits that are going on, and is safe at any time.
func TestSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		p := endless("x").Via(failAt(100, nil)).To(stuck(release))
		p.Buffer = 1
		var live *pipeline.Run
		p.OnStart = func(r *pipeline.Run) {
			live = r
			if s := r.Snapshot(); len(s.Nodes) != 3 || s.Nodes[0].Busy != 0 {
				t.Errorf("before the start: %+v", s)
			}
		}
		go func() {
			synctest.Wait()
			time.Sleep(time.Hour)
			s := live.Snapshot()
			if s.Nodes[0].Backpressured < time.Hour || s.Nodes[1].Backpressured < time.Hour || s.Nodes[2].Busy < time.Hour || s.Edges[0].FullFor < time.Hour {
				t.Errorf("snapshot %+v", s)
			}
			if s.Bottleneck() != 2 || s.Edges[1].Held != 4096 {
				t.Errorf("bottleneck %d, edge %+v", s.Bottleneck(), s.Edges[1])
			}
			close(release)
		}()
		report := run(t, p, nil)
		time.Sleep(time.Hour)
		if again := live.Snapshot(); again.Elapsed != report.Elapsed || again.Nodes[1] != report.Nodes[1] {
			t.Errorf("after the run: %+v, want %+v", again, report)
		}
	})
}

func TestReportOnError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		report := run(t, emitThen(errBoom, "abc").To(discard()), errBoom)
		if len(report.Nodes) != 2 || report.Nodes[0].Out != 3 {
			t.Errorf("report %+v", report)
		}
		if (pipeline.Report{}).Bottleneck() != -1 {
			t.Error("a report without nodes has a bottleneck")
		}
	})
}

func TestPprofLabels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		label := func(ctx context.Context) string { v, _ := pprof.Label(ctx, "node"); return v }
		var got []string
		sink := pipeline.NewSink("my sink", func(ctx context.Context, in *pipeline.Inlet) error {
			got = append(got, label(ctx))
			return discard().Run(ctx, in)
		})
		run(t, emit("x").To(sink), nil)
		if diff := cmp.Diff([]string{"my sink"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDescribe(t *testing.T) {
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
	if diff := cmp.Diff(want, d.String()); diff != "" {
		t.Error(diff)
	}
	for _, e := range d.Edges {
		if want := map[bool]int64{true: 77, false: 1 << 20}[e.Lossy]; e.Buffer != want {
			t.Errorf("edge %+v, want a buffer of %d", e, want)
		}
	}
	named := pipeline.NewSource(`a "b"`, nil).To(pipeline.BestEffort(pipeline.NewSink("<c>", nil))).Describe()
	if diff := cmp.Diff("flowchart LR\n  n0([\"a &quot;b&quot;\"])\n  n1[(\"&lt;c&gt;\")]\n  n0 -->|best effort| n1\n", named.Mermaid()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("digraph flow {\n  rankdir=LR;\n  node [shape=box];\n  n0 [label=\"a \\\"b\\\"\"];\n  n1 [label=\"<c>\"];\n  n0 -> n1 [label=\"best effort\"];\n}\n", named.DOT()); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(d.Mermaid(), "-.->") || !strings.Contains(d.DOT(), "style=dashed") {
		t.Error("inner sources are not drawn")
	}
	if new(pipeline.Pipeline).Describe().String() != "" {
		t.Error("an empty flow draws something")
	}
}

// The nodes of a report stand where Describe has them, as far as they run in the
// flow itself.
func TestReportFollowsDescribe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := emit("a").Via(pass()).To(pipeline.Tee(discard(), pass().To(discard())))
		report := run(t, p, nil)
		d := p.Describe()
		for i, n := range d.Nodes {
			if report.Nodes[i].Name != n.Name {
				t.Errorf("node %d is %q in the report, %q in the description", i, report.Nodes[i].Name, n.Name)
			}
		}
		for i, e := range d.Edges {
			if report.Edges[i].From != e.From || report.Edges[i].To != e.To {
				t.Errorf("edge %d is %+v in the report, %+v in the description", i, report.Edges[i], e)
			}
		}
	})
}
