package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// A SignalError is the cause of a context that a signal has cancelled.
type SignalError struct{ Signal syscall.Signal }

func (e SignalError) Error() string {
	switch e.Signal {
	case syscall.SIGINT:
		return "interrupted"
	case syscall.SIGTERM:
		return "terminated"
	case syscall.SIGHUP:
		return "hangup"
	}
	return fmt.Sprintf("stopped by signal %d", int(e.Signal))
}

// ExitCode is what a shell reports for a program that the signal ended.
func (e SignalError) ExitCode() int { return 128 + int(e.Signal) }

// WithSignals returns a context that the first SIGINT, SIGTERM or SIGHUP cancels with a SignalError; the second one calls
// exit at once. A SIGHUP that was ignored when the program started (nohup) stays ignored. A broken pipe is an error
// of the write and does not end the process, so that what is unfinished can be undone.
func WithSignals(ctx context.Context, exit func(code int)) (context.Context, context.CancelFunc) {
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
					exit(SignalError{sig}.ExitCode())
				}
				cancel(SignalError{sig})
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
