// Package cli is what the commands of pipe-demo have in common: exit codes and messages, flags and their environment
// variables, what is shown of a flow while it runs, and the rules for outputs that exist.
package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
)

// A Console is where one call of the command prints, and how much: answers go to standard output, all else to standard
// error.
type Console struct {
	Out      *bufio.Writer // answers; a flow's own "-" bypasses it
	Err      io.Writer
	Terminal bool // standard output is a terminal

	Quiet    bool // errors only
	Verbose  bool
	JSON     bool // events instead of text, for programs
	Progress Choice

	errTerminal int         // the descriptor of standard error when it is a terminal, else -1
	ended       bool        // an end event was written
	drawn       atomic.Bool // there is a progress line on the terminal
}

// NewConsole is the console of this process.
func NewConsole() *Console {
	var out io.Writer = os.Stdout
	if stdoutClosed() {
		out = closedStdout{}
	}
	c := &Console{Out: bufio.NewWriter(out), Err: os.Stderr, Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Progress: NewChoice("auto", "plain", "off"), errTerminal: -1}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		c.errTerminal = fd
	}
	return c
}

// closedStdout is a standard output that was closed when the process started. The runtime has opened /dev/null in its place.
type closedStdout struct{}

func (closedStdout) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EBADF}
}

// AddFlags are the flags for what a command shows while bytes move.
func (c *Console) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&c.Progress, "progress", "auto, plain (every 10 s) or off")
	c.AddOutputFlags(f, "events on stderr, one JSON object a line", "errors only", "a table of the nodes at the end")
	CompleteWords(cmd, "progress", c.Progress.Words)
}

// AddOutputFlags are --json, --quiet and --verbose with their descriptions.
func (c *Console) AddOutputFlags(f *pflag.FlagSet, json, quiet, verbose string) {
	f.BoolVar(&c.JSON, "json", false, json)
	f.BoolVarP(&c.Quiet, "quiet", "q", false, quiet)
	f.BoolVarP(&c.Verbose, "verbose", "v", false, verbose)
}

// Finish ends the command with err, which may be nil: it prints what is still to be printed and returns the exit code.
func (c *Console) Finish(err error) int {
	if ferr := c.Flush(); err == nil {
		err = ferr
	}
	code := ExitCode(err)
	switch {
	case code == ExitPipe || errors.Is(err, ErrReported):
	case c.JSON:
		if !c.ended {
			c.Event("end", endEvent(err, nil))
		}
	case err != nil && !errors.Is(err, ErrSkipped):
		c.printError(err)
	}
	return code
}

// Flush writes the answers out.
func (c *Console) Flush() error {
	err := c.Out.Flush()
	switch {
	case errors.Is(err, syscall.EPIPE):
		return &Error{Code: ExitPipe, Err: err}
	case err != nil:
		return fmt.Errorf("stdout: %w", Cause(err))
	}
	return nil
}

// printError writes an error with its hint, and the error of a flow with the flow and a mark below the word that is wrong.
func (c *Console) printError(err error) {
	message := Message(err)
	fe, isFlow := errors.AsType[*flow.Error](err)
	if isFlow {
		message = "flow: " + fe.Message
	}
	fmt.Fprintf(c.Err, "pipe-demo: %s\n", text.Printable(message))
	if isFlow && len(fe.Words) > 0 {
		for line := range strings.Lines(fe.Excerpt(c.width()-4) + "\n") {
			fmt.Fprintf(c.Err, "    %s", line)
		}
	}
	c.printHint(Hint(err))
}

func (c *Console) printHint(hint string) {
	if hint != "" {
		fmt.Fprintf(c.Err, "  %s\n", text.Printable(hint))
	}
}

// failuresShown is how many failures of one command are printed.
const failuresShown = 50

// Failures prints the failures of a command that continues after one, and each hint once.
func (c *Console) Failures(failed []error) {
	var hints []string
	for i, err := range failed {
		if i == failuresShown {
			fmt.Fprintf(c.Err, "pipe-demo: and %d more\n", len(failed)-i)
			break
		}
		fmt.Fprintf(c.Err, "pipe-demo: %s\n", text.Printable(Message(err)))
		if hint := Hint(err); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
			c.printHint(hint)
		}
	}
}

// Note prints a line for people, and nothing with --quiet or --json.
func (c *Console) Note(format string, args ...any) {
	if !c.Quiet && !c.JSON {
		fmt.Fprintf(c.Err, "%spipe-demo: %s\n", c.clear(), text.Printable(fmt.Sprintf(format, args...)))
	}
}

// Retry reports that a request to what is going to be repeated after wait. What could be done instead is
// said at once where there was no connection, and once.
func (c *Console) Retry(what string, attempt int, wait time.Duration, cause error) {
	c.Event("retry", map[string]any{"attempt": attempt, "wait_seconds": wait.Seconds(), "error": Message(cause), "source": what})
	c.Note("%s: %s; retry %d in %s", what, Message(cause), attempt, text.Duration(wait))
	if hint := Hint(cause); hint != "" && attempt == 1 && isUnreached(cause) && !c.Quiet && !c.JSON {
		fmt.Fprintf(c.Err, "  %s\n", hint)
	}
}

// Restart reports that the transfer of the file called name, with a request to what, begins again at its first byte.
func (c *Console) Restart(name, what string, attempt int, cause error) {
	c.Event("retry", map[string]any{"attempt": attempt, "wait_seconds": 0, "error": Message(cause), "source": what, "offset": 0})
	c.Note("%s: restarting: %s", name, Message(cause))
}

// Leave ends the line on which the progress is drawn, when the process exits at once.
func (c *Console) Leave() {
	if c.drawn.Load() {
		fmt.Fprintln(c.Err)
	}
}

// clearLine goes to the first column and erases what is there.
const clearLine = "\r\x1b[K"

// clear makes room for a line where the progress is drawn.
func (c *Console) clear() string {
	if c.errTerminal < 0 {
		return ""
	}
	return clearLine
}

// width is the terminal's, or 100 columns.
func (c *Console) width() int {
	if c.errTerminal >= 0 {
		if w, _, err := term.GetSize(c.errTerminal); err == nil && w > 0 {
			return w
		}
	}
	return 100
}
