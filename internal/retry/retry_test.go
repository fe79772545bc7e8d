package retry_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/transfer"
)

func TestDelay(t *testing.T) {
	for _, tt := range []struct {
		n              int
		after, longest time.Duration
		min, max       time.Duration
	}{
		{1, 0, time.Hour, 0, 500 * time.Millisecond},
		{2, 0, time.Hour, 0, time.Second},
		{1000, 0, time.Hour, 0, 30 * time.Second},
		{1, time.Minute, time.Hour, time.Minute, time.Minute},
		{1, time.Minute, time.Second, time.Second, time.Second},
		{1, 1<<63 - 1, time.Hour, time.Hour, time.Hour},
		{1, 24 * time.Hour, -1, 24 * time.Hour, 24 * time.Hour},
	} {
		for range 100 {
			if got := retry.Delay(tt.n, tt.after, tt.longest); got < tt.min || got > tt.max {
				t.Errorf("%+v: %v", tt, got)
			}
		}
	}
}

// Attempts counts the first one too; 0 means 6, and a negative value no limit.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for attempts, want := range map[int]int{0: 6, 1: 1, 2: 2, -1: 1000} {
			var told []int
			c := retry.New(transfer.Retry{Attempts: attempts, OnRetry: func(n int, wait time.Duration, cause error) {
				told = append(told, n)
				if wait < 0 || wait > time.Minute || cause != http.ErrAbortHandler {
					t.Errorf("retry %d in %v after %v", n, wait, cause)
				}
			}})
			n := 1
			for ; !c.Exhausted() && n < 1000; n++ {
				if err := c.Wait(t.Context(), 0, http.ErrAbortHandler); err != nil {
					t.Fatal(err)
				}
			}
			if n != want || c.Retries() != n-1 || len(told) != n-1 || n > 1 && told[n-2] != n-1 {
				t.Errorf("Attempts %d: %d attempts, %d retries, told %d", attempts, n, c.Retries(), told)
			}
			c.Progress()
			if c.Retries() != 0 || c.Exhausted() != (want == 1) {
				t.Errorf("Attempts %d, after progress: %d retries, exhausted %v", attempts, c.Retries(), c.Exhausted())
			}
		}
	})
}

func TestSleep(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(http.ErrAbortHandler)
	if err := retry.Sleep(ctx, time.Hour); err != http.ErrAbortHandler {
		t.Error(err)
	}
	if err := retry.Sleep(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestTransient(t *testing.T) {
	var transient []int
	for status := 400; status < 600; status++ {
		if retry.Transient(status) {
			transient = append(transient, status)
		}
	}
	if diff := cmp.Diff([]int{408, 425, 429, 500}, transient[:4]); diff != "" || len(transient) != 103 {
		t.Error(diff, len(transient))
	}
	if !retry.Permanent(http.ErrSchemeMismatch, true) || retry.Permanent(errors.New("x"), false) {
		t.Error("Permanent")
	}
}
