package pipeline

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"
)

// Tee returns a sink that passes every chunk to every branch. It is strict: all
// branches must succeed, and the slowest sets the pace. A branch that returns [Enough]
// drops out and the others continue to the end; when all have dropped out, upstream
// is stopped. [BestEffort] and [Lossy] change that for one branch.
// Chunks are shared, not copied; a promised size is passed on. Tee of none fails when it is run.
func Tee(branches ...Sink) Sink {
	branches = append([]Sink(nil), branches...)
	return Sink{[]*spec{{name: "tee", run: tee, branches: branches}}}
}

func tee(ctx context.Context, in *Inlet, outs []*Outlet) error {
	if len(outs) == 0 {
		return errors.New("no branches: want at least one")
	}
	live := append([]*Outlet(nil), outs...)
	for first := true; len(live) > 0; first = false {
		c, err := in.Next(ctx)
		if first && (err == nil || err == io.EOF) {
			if size, known := in.Size(); known {
				for _, out := range live {
					out.SetSize(size)
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		next := live[:0]
		for i, out := range live {
			share := c
			if i < len(live)-1 {
				share = c.Retain()
			}
			err := out.Send(ctx, share)
			switch {
			case err == nil:
				next = append(next, out)
			case errors.Is(err, ErrStopped) && ctx.Err() == nil:
				// The branch was stopped or detached.
			default:
				if i < len(live)-1 {
					c.Release()
				}
				return err
			}
		}
		live = next
	}
	return Enough
}

// BestEffort returns sink as a branch whose failure does not fail the run: it is
// detached and undone, appears in [Report.Detached], and the run continues. While the
// branch is slow, the others wait for it. A panic in it still fails the run, and when
// the run fails the branch is undone too.
func BestEffort(sink Sink) Sink { return withPolicy(sink, policy{detach: true}) }

// Lossy returns sink as a branch that never slows the others: it misses whole chunks
// while its channel holds as many bytes as given (one chunk always fits), and the report counts
// them. Its failure does not fail the run, as with [BestEffort]. Run still waits until it has
// consumed the chunks in its channel.
func Lossy(sink Sink, bytes int64) Sink {
	return withPolicy(sink, policy{detach: true, lossy: true, bytes: bytes})
}

// withPolicy returns sink with p on its first node. BestEffort around Lossy
// changes nothing; of two Lossy the outer counts.
func withPolicy(sink Sink, p policy) Sink {
	if len(sink.nodes) == 0 {
		return sink
	}
	first := *sink.nodes[0]
	if !p.lossy && first.policy.lossy {
		p = first.policy
	}
	first.policy = p
	return Sink{append([]*spec{&first}, sink.nodes[1:]...)}
}

// Concat returns the source that emits the sources one after the other. Each is
// started when the previous one has ended, so only one is open at a time. A failing
// source fails the run. Concat of none is an empty source.
func Concat(sources ...Source) Source {
	sources = append([]Source(nil), sources...)
	return Source{[]*spec{{name: "concat", inputs: sources,
		run: func(ctx context.Context, _ *Inlet, outs []*Outlet) error {
			for i, s := range sources {
				if i > 0 && ctx.Err() != nil { // stopped, or asked to end early: no further one starts
					return context.Cause(ctx)
				}
				if err := s.Run(ctx, outs[0]); err != nil {
					return err
				}
			}
			return nil
		}}}}
}

// Merge returns the source that runs the sources concurrently and emits their chunks as
// they arrive. Chunks are not split, so the streams mix at chunk boundaries: merge
// records only if every chunk has complete ones. It ends when all have ended; a
// failing source fails the run. Merge of none is an empty source.
func Merge(sources ...Source) Source {
	sources = append([]Source(nil), sources...)
	return Source{[]*spec{{name: "merge", inputs: sources,
		run: func(ctx context.Context, _ *Inlet, outs []*Outlet) error {
			g, gctx := errgroup.WithContext(ctx)
			for _, s := range sources {
				g.Go(func() error { return s.Run(gctx, outs[0]) })
			}
			return g.Wait()
		}}}}
}
