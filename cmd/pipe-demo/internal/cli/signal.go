package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
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

// patience is how long after the first signal another one is taken for the same: timeout(1) and terminals send it to the
// process and to its group.
const patience = 500 * time.Millisecond

// WithSignals returns a context that the first SIGINT, SIGTERM or SIGHUP cancels with a SignalError; another one, later
// than half a second, calls exit at once. A signal that was ignored when the program started stays ignored: SIGHUP under nohup, SIGINT of a
// shell's background job, and what a script's trap ignores. A broken pipe is an error
// of the write and does not end the process, so that what is unfinished can be undone. Signals are caught until the process exits, so that
// one that is sent twice does not end it between the message about the first and the exit code.
func WithSignals(ctx context.Context, exit func(code int)) context.Context {
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		switch {
		case s == syscall.SIGTERM && termIgnored():
			signal.Ignore(s)
		case !signal.Ignored(s):
			signal.Notify(signals, s)
		}
	}
	go onSignals(signals, cancel, exit)
	return ctx
}

// onSignals returns when signals is closed.
func onSignals(signals <-chan os.Signal, cancel context.CancelCauseFunc, exit func(code int)) {
	var first time.Time
	for s := range signals {
		sig, _ := s.(syscall.Signal)
		switch {
		case first.IsZero():
			first = time.Now()
			cancel(SignalError{sig})
		case time.Since(first) > patience:
			exit(SignalError{sig}.ExitCode())
		}
	}
}
