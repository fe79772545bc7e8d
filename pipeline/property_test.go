package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// For any flow of sources in a row, stages and branches, any cutting of the input,
// any size of the channels and any node failing anywhere: either nothing failed
// and every branch has published everything, or Run says what failed and all are
// undone.
func TestAnyFlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []byte
		var parts []pipeline.Source
		fault := rapid.IntRange(-1, 12).Draw(t, "faulty node")
		at := rapid.IntRange(0, 6).Draw(t, "fails at chunk")
		reached := false
		nodes := 0
		stage := func() pipeline.Stage {
			nodes++
			mine := nodes - 1
			return pipeline.NewStage("stage", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				for i := 0; ; i++ {
					if mine == fault && i == at {
						reached = true
						return errBoom
					}
					c, err := in.Next(ctx)
					if err == io.EOF {
						return nil
					}
					if err != nil {
						return err
					}
					head, tail := c.Split(c.Len() / 2)
					if err := errors.Join(out.Send(ctx, head), out.Send(ctx, tail)); err != nil {
						return err
					}
				}
			})
		}
		stages := func(label string) (s pipeline.Stage) {
			for range rapid.IntRange(0, 3).Draw(t, label) {
				s = s.Via(stage())
			}
			return s
		}
		for range rapid.IntRange(1, 3).Draw(t, "sources") {
			data := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data")
			cuts := rapid.SliceOfN(rapid.IntRange(1, max(1, len(data)-1)), 0, 5).Draw(t, "cuts")
			slices.Sort(cuts)
			if cuts = slices.Compact(cuts); len(data) < 2 {
				cuts = nil
			}
			want = append(want, data...)
			parts = append(parts, pipetest.Source(data, cuts...).Via(stages("stages inside")))
		}
		var stores []*store
		var branches []pipeline.Sink
		for range rapid.IntRange(1, 3).Draw(t, "branches") {
			s := &store{}
			stores = append(stores, s)
			branches = append(branches, stages("stages in branch").To(s.sink()))
		}
		p := pipeline.Concat(parts...).Via(stages("stages")).To(pipeline.Tee(branches...))
		p.Buffer = rapid.IntRange(0, 20<<10).Draw(t, "buffer")
		report, err := p.Run(context.Background())
		if reached != (err != nil) || err != nil && !errors.Is(err, errBoom) {
			t.Fatalf("failed: %v, error %v", reached, err)
		}
		for _, s := range stores {
			switch {
			case err == nil && !bytes.Equal(s.published, want):
				t.Fatalf("published %q, want %q", s.published, want)
			case err != nil && s.published != nil:
				t.Fatalf("published %q although %v", s.published, err)
			case len(s.ends) > 1 || err == nil && len(s.ends) != 1:
				t.Fatalf("last steps: %v", s.ends)
			}
		}
		limit := int64(p.Buffer)
		if limit == 0 {
			limit = 1 << 20
		}
		for _, e := range report.Channels {
			if e.Peak > max(limit, 4<<10) || e.Held != 0 {
				t.Fatalf("channel %+v holds more than %d", e, limit)
			}
		}
	})
}
