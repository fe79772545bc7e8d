package cli

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The first signal cancels; another one exits, unless it comes so soon that it is the same one, sent twice.
func TestSecondSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		signals := make(chan os.Signal)
		var codes []int
		go onSignals(signals, cancel, func(code int) { codes = append(codes, code) })
		signals <- syscall.SIGINT
		signals <- syscall.SIGINT
		time.Sleep(patience)
		signals <- syscall.SIGTERM
		synctest.Wait()
		if got := context.Cause(ctx); got != (SignalError{syscall.SIGINT}) || codes != nil {
			t.Errorf("within %v: cause %v, exit codes %d", patience, got, codes)
		}
		time.Sleep(time.Millisecond)
		signals <- syscall.SIGTERM
		synctest.Wait()
		if !slices.Equal(codes, []int{143}) {
			t.Errorf("later: exit codes %d, want 143", codes)
		}
		close(signals)
	})
}

func TestSignalExitCodes(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		if got := (SignalError{sig}).ExitCode(); got != want {
			t.Errorf("%v: exit code %d, want %d", sig, got, want)
		}
	}
}
