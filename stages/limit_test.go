package stages_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// S61: the average holds, whether what may pass at a time is larger than a chunk or
// smaller.
func TestLimitAverage(t *testing.T) {
	for _, tt := range []struct {
		rate int64
		size int
		cut  int
	}{
		{1000, 10_000, 7},                // 50 at a time
		{1000, 10_000, 50},               // just
		{1000, 10_000, 51},               //
		{1000, 10_000, 10_000},           //
		{1, 20, 20},                      // less than one at a time
		{19, 190, 19},                    //
		{20, 200, 7},                     //
		{39, 390, 100},                   //
		{10 << 20, 20 << 20, 1000 << 10}, // 512 KiB
	} {
		synctest.Test(t, func(t *testing.T) {
			in := make([]byte, tt.size)
			start := time.Now()
			r := must(t, sized(in, every(tt.cut)), stages.Limit(tt.rate))
			took := time.Since(start)
			want := time.Duration(float64(tt.size) / float64(tt.rate) * float64(time.Second))
			first := max(time.Second/20, time.Second/time.Duration(tt.rate)) // what goes first has not waited
			if took > want+time.Millisecond || took < want-first-time.Millisecond {
				t.Errorf("%d bytes at %d bytes/s in chunks of %d took %v, want %v", tt.size, tt.rate, tt.cut, took, want)
			}
			if len(r.data) != tt.size || r.size != int64(tt.size) {
				t.Errorf("got %d bytes, promised %d, want %d", len(r.data), r.size, tt.size)
			}
		})
	}
}

// S61: at no time is the stream further ahead than a tenth of a second, also after a pause.
func TestLimitIsSmooth(t *testing.T) {
	const rate = 1000
	for _, cut := range []int{10, 49, 50, 51, 3000} {
		synctest.Test(t, func(t *testing.T) {
			source := pipeline.NewSource("pauses", func(ctx context.Context, out *pipeline.Outlet) error {
				for range 2 {
					if err := feed(make([]byte, 3000), every(cut)).Run(ctx, out); err != nil {
						return err
					}
					time.Sleep(10 * time.Second)
				}
				return nil
			})
			type arrival struct {
				at    time.Duration
				total int
			}
			var log []arrival
			start, total := time.Now(), 0
			sink := pipeline.NewSink("clock", func(ctx context.Context, in *pipeline.Inlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					log = append(log, arrival{time.Since(start), total})
					total += c.Len()
					c.Release()
				}
				return nil
			})
			if _, err := source.Via(stages.Limit(rate)).To(sink).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			log = append(log, arrival{time.Since(start), total})
			for i, a := range log {
				for _, b := range log[i+1:] {
					most := int((b.at-a.at)*rate/time.Second) + rate/10
					if got := b.total - a.total; got > most {
						t.Fatalf("chunks of %d: %d bytes between %v and %v, want %d at most", cut, got, a.at, b.at, most)
					}
				}
			}
			if total != 6000 {
				t.Errorf("%d bytes", total)
			}
		})
	}
}

// A wait ends with the run, and with its cause, not earlier.
func TestLimitIsInterrupted(t *testing.T) {
	cause := errors.New("cause")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(1500*time.Millisecond, func() { cancel(cause) })
		r, err := run(ctx, endless([]byte("abc")), stages.Limit(1))
		if err != cause || time.Since(start) != 1500*time.Millisecond || len(r.data) != 2 {
			t.Errorf("got %v after %v and %d bytes", err, time.Since(start), len(r.data))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start := time.Now()
		r, err := run(ctx, endless([]byte("abc")), stages.Limit(1))
		if err != context.DeadlineExceeded || time.Since(start) != 2500*time.Millisecond || len(r.data) != 3 {
			t.Errorf("got %v after %v and %d bytes", err, time.Since(start), len(r.data))
		}
	})
	synctest.Test(t, func(t *testing.T) { // stopped by downstream
		start := time.Now()
		r := must(t, endless([]byte("abc")), stages.Limit(1), stages.Take(3))
		if time.Since(start) != 2*time.Second || len(r.data) != 3 {
			t.Errorf("%d bytes after %v", len(r.data), time.Since(start))
		}
	})
}

// Every run has a rate of its own.
func TestLimitTwoRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := feed(make([]byte, 1000), every(100)).Via(stages.Limit(100)).To(discard())
		start := time.Now()
		done := make(chan error)
		for range 2 {
			go func() {
				_, err := flow.Run(t.Context())
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestLimitBadRate(t *testing.T) {
	for _, rate := range []int64{0, -1} {
		want := fmt.Sprintf("limit: bytesPerSecond %d: want 1 or more", rate)
		if _, err := run(t.Context(), feed([]byte("x"), whole), stages.Limit(rate)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// S30: a consumer that stands still holds the producer back: Limit does not buffer.
func TestLimitDoesNotBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		source := pipeline.NewSource("counted", func(ctx context.Context, out *pipeline.Outlet) error {
			for {
				if err := out.Send(ctx, pipeline.NewChunk(1<<20)); err != nil {
					return err
				}
				sent++
			}
		})
		wait := make(chan struct{})
		sink := pipeline.NewSink("still", func(context.Context, *pipeline.Inlet) error {
			<-wait
			return pipeline.Enough
		})
		done := make(chan error)
		go func() {
			_, err := source.Via(stages.Limit(1 << 40)).To(sink).Run(t.Context())
			done <- err
		}()
		synctest.Wait()
		if sent > 3 { // one in each of two channels, and one in hand
			t.Errorf("%d MiB were sent", sent)
		}
		close(wait)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
