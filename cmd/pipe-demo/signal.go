package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// stoppedBy is the cause of a context that a signal has cancelled.
type stoppedBy struct{ sig syscall.Signal }

func (e stoppedBy) Error() string {
	switch e.sig {
	case syscall.SIGINT:
		return "interrupted"
	case syscall.SIGTERM:
		return "terminated"
	case syscall.SIGHUP:
		return "hung up"
	}
	return fmt.Sprintf("stopped by signal %d", int(e.sig))
}

// code is what a shell reports for a program that the signal ended.
func (e stoppedBy) code() int { return 128 + int(e.sig) }

// withSignals gives a context that the first SIGINT, SIGTERM or SIGHUP cancels with a stoppedBy; the second one calls
// exit at once. A SIGHUP that was ignored when the program started (nohup) stays ignored. A broken pipe is an error
// of the write and no longer a death, so that what is unfinished can be undone.
func withSignals(ctx context.Context, exit func(code int)) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	caught := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		caught = append(caught, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, caught...)
	var g errgroup.Group
	g.Go(func() error {
		for n := 0; ; n++ {
			select {
			case <-done:
				return nil
			case s := <-signals:
				sig, _ := s.(syscall.Signal)
				if n > 0 {
					exit(stoppedBy{sig}.code())
				}
				cancel(stoppedBy{sig})
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		g.Wait()
		cancel(nil)
	}
}
