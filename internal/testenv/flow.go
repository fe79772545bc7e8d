package testenv

import (
	"context"
	"time"

	"github.com/weirflow/weir/pipeline"
)

type runKey struct{}

// Run runs a flow like its method Run. Its nodes may call [AwaitIdle] and [AwaitFull] with their context.
func Run(ctx context.Context, p *pipeline.Pipeline) (pipeline.Report, error) {
	started := make(chan *pipeline.Run, 1)
	run, err := p.Start(context.WithValue(ctx, runKey{}, started))
	if err != nil {
		return p.Describe(), err
	}
	started <- run
	return run.Wait()
}

// AwaitIdle returns when the consumer of the flow's first channel is done with all that was sent and waits
// for more, or when ctx ends. It is for the producer, which sends nothing meanwhile.
func AwaitIdle(ctx context.Context) {
	await(ctx, func(c pipeline.ChannelStats) time.Duration {
		if c.Held > 0 {
			return 0 // it is about to wake up
		}
		return c.EmptyFor
	})
}

// AwaitFull returns when the producer of the flow's first channel waits for room, or when ctx ends. It is for
// the consumer, which receives nothing meanwhile.
func AwaitFull(ctx context.Context) {
	await(ctx, func(c pipeline.ChannelStats) time.Duration { return c.FullFor })
}

// await asks until a time of waiting grows although the caller, who stands at the other end, does nothing:
// then that wait has begun.
func await(ctx context.Context, waited func(pipeline.ChannelStats) time.Duration) {
	started := ctx.Value(runKey{}).(chan *pipeline.Run)
	run := <-started
	started <- run
	look := func() pipeline.ChannelStats { return run.Snapshot().Channels[0] }
	for last := look(); ctx.Err() == nil; {
		time.Sleep(100 * time.Microsecond)
		now := look()
		if now.Chunks == last.Chunks && now.Held == last.Held && waited(now) > waited(last) {
			return
		}
		last = now
	}
}
