package httpkit_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/httpkit"
)

func TestWait(t *testing.T) {
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
		{1, httpkit.NoLimit, time.Hour, time.Hour, time.Hour},
	} {
		for range 100 {
			if got := httpkit.Wait(tt.n, tt.after, tt.longest); got < tt.min || got > tt.max {
				t.Errorf("%+v: %v", tt, got)
			}
		}
	}
}

func TestSameHost(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"http://a/x", "http://A:80/y", true}, {"http://a", "https://a", true}, {"https://a", "http://a", false},
		{"http://a", "http://b", false}, {"http://a", "http://a:81", false}, {"https://a:443", "https://a", true},
		{"http://a:81", "https://a", false},
	} {
		a, _ := url.Parse(tt.a)
		b, _ := url.Parse(tt.b)
		if got := httpkit.SameHost(a, b); got != tt.want {
			t.Errorf("%s, %s: %v", tt.a, tt.b, got)
		}
	}
}

// What was told while nothing was waited for does not count.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var over []string
		w := httpkit.Watch{Idle: time.Minute, Rate: 10, Window: 5 * time.Second, Over: func(limit string, after time.Duration) {
			over = append(over, limit+" "+after.String())
		}}
		w.End(100)
		w.Begin(false)
		time.Sleep(59 * time.Second)
		w.End(0)
		w.Begin(true)
		time.Sleep(time.Second)
		w.End(1000)
		time.Sleep(time.Hour)
		synctest.Wait()
		if over != nil {
			t.Errorf("over: %q", over)
		}
		w.Begin(true)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		w.End(0)
		w.Begin(false)
		time.Sleep(time.Minute + 1)
		w.End(0)
		synctest.Wait()
		if diff := cmp.Diff([]string{"rate 5s", "idle 1m0s"}, over); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(http.ErrAbortHandler)
	if err := httpkit.Pause(ctx, time.Hour); err != http.ErrAbortHandler {
		t.Error(err)
	}
	if err := httpkit.Pause(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
