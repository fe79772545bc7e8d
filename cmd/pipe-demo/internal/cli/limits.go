package cli

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// Limits are the flags that bound a command that moves bytes.
type Limits struct {
	Rate Rate     // of each flow, or of all files of one copy together
	Time Duration // of the whole command
}

// AddFlags are --limit-rate and --max-time.
func (l *Limits) AddFlags(f *pflag.FlagSet) {
	f.Var(&l.Rate, "limit-rate", "bytes per second at most, such as 500k or 10M")
	f.Var(&l.Time, "max-time", "stop after this time, such as 30s or 5m; exit 7")
}

// Stage holds a flow to the rate; without one it is no stage at all.
func (l *Limits) Stage() pipeline.Stage {
	if l.Rate == 0 {
		return pipeline.Stage{}
	}
	return stages.Limit(int64(l.Rate))
}

// Context is ctx until the time is over: then it ends with a LimitError.
func (l *Limits) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.Time == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, time.Duration(l.Time), LimitError{"--max-time " + l.Time.String()})
}
