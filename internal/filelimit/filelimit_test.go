package filelimit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFit(t *testing.T) {
	for _, test := range []struct{ limit, most, each, want int }{
		{1 << 20, 4096, 4, 4096},
		{64, 4096, 4, 12},
		{64, 8, 4, 8},
		{1024, 4096, 5, 201},
		{16, 4096, 4, 1},
		{3, 4096, 4, 1},
		{0, 4096, 1, 1},
	} {
		if got := fit(test.limit, test.most, test.each); got != test.want {
			t.Errorf("%d things of %d descriptors, where there are %d: %d, want %d", test.most, test.each, test.limit, got, test.want)
		}
	}
	if n := Max(); n < 3 {
		t.Errorf("%d descriptors at most, and three are open", n)
	}
}

func TestRetry(t *testing.T) {
	none := &fs.PathError{Op: "open", Path: "a", Err: syscall.EMFILE}
	other := errors.New("other")
	for _, test := range []struct {
		name     string
		errs     []error // of the calls; the last one for all that follow
		cancel   time.Duration
		want     error
		min, max time.Duration
	}{
		{"success", []error{nil}, 0, nil, 0, 0},
		{"another failure", []error{other}, 0, other, 0, 0},
		{"of the process", []error{none, none, nil}, 0, nil, firstPause, time.Second},
		{"of the system", []error{os.NewSyscallError("open", syscall.ENFILE), nil}, 0, nil, firstPause, time.Second},
		{"in a join", []error{errors.Join(other, none), nil}, 0, nil, firstPause, time.Second},
		{"then another failure", []error{none, other}, 0, other, firstPause, time.Second},
		{"for ever", []error{none}, 0, none, patience, patience + maxPause},
		{"until cancelled", []error{none}, 3 * time.Second, none, 3 * time.Second, 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.cancel > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.cancel)
					defer cancel()
				}
				began, calls := time.Now(), 0
				err := Retry(ctx, func() error {
					calls++
					return test.errs[min(calls, len(test.errs))-1]
				})
				took := time.Since(began)
				if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || took < test.min || took > test.max {
					t.Errorf("%v after %v and %d calls", err, took, calls)
				}
				if most := int(took/maxPause) + 10; calls > most {
					t.Errorf("%d calls in %v: it spins", calls, took)
				}
			})
		})
	}
	if Exhausted(fmt.Errorf("x: %w", syscall.ENOSPC)) {
		t.Error("a full disk has nothing to do with descriptors")
	}
}
