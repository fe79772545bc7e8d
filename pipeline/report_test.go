package pipeline_test

import (
	"context"
	"runtime/pprof"
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
		p := endless("x").Via(failAt(100, pipeline.Enough)).To(stuck(release))
		p.Buffer = 1
		live := start(t, p)
		if s := live.Snapshot(); len(s.Nodes) != 3 || s.Nodes[0].Busy != 0 {
			t.Errorf("at the start: %+v", s)
		}
		go func() {
			synctest.Wait()
			time.Sleep(time.Hour)
			s := live.Snapshot()
			if s.Nodes[0].Backpressured < time.Hour || s.Nodes[1].Backpressured < time.Hour || s.Nodes[2].Busy < time.Hour || s.Channels[0].FullFor < time.Hour {
				t.Errorf("snapshot %+v", s)
			}
			if s.Bottleneck() != 2 || s.Channels[1].Held != 4096 {
				t.Errorf("bottleneck %d, channel %+v", s.Bottleneck(), s.Channels[1])
			}
			close(release)
		}()
		report := wait(t, live, nil)
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

// What a flow looks like is known before it runs, and its report says the same.
func TestDescribe(t *testing.T) {
	p := emit("a").To(pipeline.Tee(discard(), pipeline.BestEffort(discard()), pipeline.Lossy(discard(), 77)))
	want := pipeline.Report{
		Nodes: []pipeline.NodeStats{{Name: "emit", Parent: -1}, {Name: "tee", Parent: -1}, {Name: "discard", Parent: -1}, {Name: "discard", Parent: -1}, {Name: "discard", Parent: -1}},
		Channels: []pipeline.ChannelStats{
			{From: 0, To: 1, Buffer: 1 << 20, Size: -1},
			{From: 1, To: 2, Buffer: 1 << 20, Size: -1},
			{From: 1, To: 3, Buffer: 1 << 20, Size: -1, BestEffort: true},
			{From: 1, To: 4, Buffer: 77, Size: -1, Lossy: true, BestEffort: true},
		},
	}
	if diff := cmp.Diff(want, p.Describe()); diff != "" {
		t.Error(diff)
	}
	p.Buffer = 5
	for i, c := range run(t, p, nil).Channels {
		if want := p.Describe().Channels[i]; c.Buffer != want.Buffer || c.Lossy != want.Lossy || c.BestEffort != want.BestEffort {
			t.Errorf("channel %d is %+v in the report, %+v in the description", i, c, want)
		}
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
		for i, e := range d.Channels {
			if report.Channels[i].From != e.From || report.Channels[i].To != e.To {
				t.Errorf("channel %d is %+v in the report, %+v in the description", i, report.Channels[i], e)
			}
		}
	})
}
