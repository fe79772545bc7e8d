package peerwait_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/transfer"
)

const s = time.Second

// op is one operation: what it waits for, and how long it takes.
type op struct {
	answer      bool
	final       bool          // the answer is
	alive       time.Duration // between signs of life
	offered, n  int
	takes, then time.Duration // then: before the next one
}

func TestWait(t *testing.T) {
	body := func(n int, takes time.Duration) op { return op{offered: n, n: n, takes: takes} }
	read := func(n int, takes time.Duration) op { return op{n: n, takes: takes} }
	for name, tt := range map[string]struct {
		limits transfer.Limits
		ops    []op
		want   string // limit and time from the start; "" for none
	}{
		"idle, default":           {transfer.Limits{}, []op{read(1, 59*s), read(1, 59*s), read(1, 61*s)}, "idle 2m58s"},
		"idle, answer":            {transfer.Limits{Idle: s}, []op{{answer: true, takes: 2 * s}}, "idle 1s"},
		"idle, alive":             {transfer.Limits{Idle: s}, []op{{answer: true, alive: s / 2, takes: 60 * s}, read(1, 2*s)}, "idle 1m1s"},
		"idle, dead again":        {transfer.Limits{Idle: 4 * s}, []op{{answer: true, alive: 3 * s, takes: 5 * s}, read(1, 5*s)}, "idle 9s"},
		"answer, default":         {transfer.Limits{}, []op{{final: true, takes: 599 * s}, {final: true, takes: 601 * s}}, "answer 19m59s"},
		"answer, not idle":        {transfer.Limits{Idle: s, Answer: 3 * s}, []op{{final: true, takes: 2 * s}, {answer: true, takes: 2 * s}}, "idle 3s"},
		"answer, none":            {transfer.Limits{Answer: -1, Idle: s}, []op{{final: true, alive: time.Hour, takes: 1000 * time.Hour}}, ""},
		"answer, alive":           {transfer.Limits{Answer: s, MinRate: 10}, []op{{final: true, alive: s / 2, takes: 100 * s}, {final: true, takes: 2 * s}}, "answer 1m41s"},
		"rate, alive":             {transfer.Limits{MinRate: 10}, []op{{alive: s, takes: 31 * s}}, "rate 30s"},
		"total, alive":            {transfer.Limits{Total: 70 * s}, []op{{answer: true, alive: s, takes: 71 * s}}, "total 1m10s"},
		"idle, none":              {transfer.Limits{Idle: -1}, []op{read(1, 1000*time.Hour)}, ""},
		"own time does not count": {transfer.Limits{Idle: s, MinRate: 10, MinRateWindow: s}, []op{{n: 1, takes: s / 2, then: time.Hour}, read(1, s/2)}, ""},
		"rate of reads":           {transfer.Limits{MinRate: 10, MinRateWindow: 5 * s}, []op{read(10, 2*s), read(10, 2*s), read(10, 2*s), read(10, 3*s)}, "rate 8s"},
		"rate of writes":          {transfer.Limits{MinRate: 10, MinRateWindow: 5 * s}, []op{body(100, 14*s), body(100, 12*s)}, "rate 25s"},
		"rate, no credit":         {transfer.Limits{MinRate: 10, MinRateWindow: 5 * s}, []op{read(1e9, s), read(1, 6*s)}, "rate 6s"},
		"rate, not for an answer": {transfer.Limits{MinRate: 10, MinRateWindow: 5 * s}, []op{{answer: true, takes: 50 * s}, read(1, s)}, ""},
		"rate, default window":    {transfer.Limits{MinRate: 10}, []op{read(1, 31*s)}, "rate 30s"},
		"rate, no window":         {transfer.Limits{MinRate: 10, MinRateWindow: -1}, []op{read(1, 50*s), read(1, 50*s)}, ""},
		"rate, none":              {transfer.Limits{MinRate: -1, MinRateWindow: s}, []op{read(1, 50*s), read(1, 50*s)}, ""},
		"rate, more than fits":    {transfer.Limits{Idle: -1, MinRate: 1}, []op{body(1<<40, time.Hour)}, ""},
		"total":                   {transfer.Limits{Total: 70 * s}, []op{read(1, 50*s), read(1, 50*s)}, "total 1m10s"},
		"total, own time":         {transfer.Limits{Total: 70 * s}, []op{{n: 1, takes: s, then: time.Hour}, read(1, s)}, "total 1h0m1s"},
		"total, over before":      {transfer.Limits{Total: 70 * s}, []op{{n: 1, takes: s, then: time.Hour}, {n: 1}}, "total 1h0m1s"},
		"total, none":             {transfer.Limits{Total: -1}, []op{read(1, 59*s), read(1, 59*s)}, ""},
		"what expires first":      {transfer.Limits{Idle: 3 * s, MinRate: 1, MinRateWindow: 2 * s, Total: 4 * s}, []op{read(0, 5*s)}, "rate 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var calls []string
				w := peerwait.New(tt.limits, func(e *transfer.TimeoutError) {
					calls = append(calls, e.Limit+" "+time.Since(start).String())
				})
				for _, o := range tt.ops {
					begin := func() error { return w.Begin(o.offered) }
					if o.answer {
						begin = w.BeginAnswer
					}
					if o.final {
						begin = w.BeginFinalAnswer
					}
					if err := begin(); err != nil {
						if len(calls) != 1 {
							t.Errorf("Begin: %v, calls %q", err, calls)
						}
						break
					}
					if o.takes > 0 { // else it is over before a timer can fire
						for o.alive > 0 && o.takes > o.alive {
							time.Sleep(o.alive)
							o.takes -= o.alive
							w.Alive()
						}
						time.Sleep(o.takes)
						synctest.Wait()
					}
					late := w.End(o.n)
					if (late != nil) != (calls != nil) {
						t.Fatalf("End: %v, calls %q", late, calls)
					}
					if late != nil {
						var e *transfer.TimeoutError
						if again := w.Begin(1); !errors.As(late, &e) || again != late {
							t.Errorf("then %v", again)
						}
						break
					}
					time.Sleep(o.then)
				}
				w.Stop()
				time.Sleep(2000 * time.Hour)
				synctest.Wait()
				var want []string
				if tt.want != "" {
					want = []string{tt.want}
				}
				if diff := cmp.Diff(want, calls); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// An End without a Begin counts nothing, and after Stop nothing expires.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		w := peerwait.New(transfer.Limits{Idle: s, MinRate: 1}, func(*transfer.TimeoutError) { calls.Add(1) })
		if err := w.End(1000); err != nil {
			t.Error(err)
		}
		_ = w.Begin(0)
		w.Stop()
		time.Sleep(time.Hour)
		_ = w.Begin(0)
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := w.End(0); err != nil || calls.Load() != 0 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
	})
}
