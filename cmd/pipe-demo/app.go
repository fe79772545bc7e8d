package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
)

// An app is one call of the command: its streams, and the flags that several commands share.
type app struct {
	out    *bufio.Writer // standard output, for answers; a flow's own "-" does not pass here
	err    io.Writer     // standard error
	errTTY int           // its file descriptor when it is a terminal, else -1
	outTTY bool          // standard output is a terminal

	registry *flow.Registry // the elements of flows

	flags shared
	wrote bool // an end event was written
}

// shared are the flags of the commands that move bytes.
type shared struct {
	force     bool
	noClobber bool
	quiet     bool
	verbose   bool
	json      bool
	progress  choice
	limitRate byteRate
	maxTime   duration
}

func newApp() *app {
	a := &app{out: bufio.NewWriter(os.Stdout), err: os.Stderr, errTTY: -1, registry: newRegistry(), outTTY: term.IsTerminal(int(os.Stdout.Fd()))}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		a.errTTY = fd
	}
	return a
}

// main1 runs the command and returns the exit code.
func main1(args []string, exit func(int)) int {
	a := newApp()
	ctx, stop := withSignals(context.Background(), exit)
	defer stop()
	root := a.root()
	root.SetArgs(endFlags(args))
	err := root.ExecuteContext(ctx)
	if flushed := a.out.Flush(); err == nil && flushed != nil {
		err = flushed
		if errors.Is(err, syscall.EPIPE) {
			return exitPipe
		}
		err = fmt.Errorf("stdout: %w", bareCause(err))
	}
	return a.finish(err)
}

// endFlags puts a -- before the first ! of run, explain and serve, so that what follows belongs to the elements.
func endFlags(args []string) []string {
	if len(args) == 0 || !slices.Contains([]string{"run", "explain", "serve"}, args[0]) {
		return args
	}
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "!" || arg == "[" {
			return append(append(append([]string{}, args[:i]...), "--"), args[i:]...)
		}
	}
	return args
}

// finish says what went wrong, if anything did, and gives the exit code.
func (a *app) finish(err error) int {
	code := exitCode(err)
	switch {
	case code == exitPipe || errors.Is(err, errReported):
	case a.flags.json:
		if !a.wrote {
			a.event("end", endEvent(code, err, nil))
		}
	case err != nil && !errors.Is(err, errSkipped):
		a.complain(err)
	}
	return code
}

// complain writes an error with its hint.
func (a *app) complain(err error) {
	if fe, ok := errors.AsType[*flow.Error](err); ok {
		fmt.Fprintf(a.err, "pipe-demo: flow: %s\n", text.Printable(fe.Message))
		if len(fe.Words) > 0 {
			for line := range strings.Lines(fe.Excerpt(a.width()-4) + "\n") {
				fmt.Fprintf(a.err, "    %s", line)
			}
		}
		a.hint(fe.Hint)
		return
	}
	fmt.Fprintf(a.err, "pipe-demo: %s\n", text.Printable(message(err)))
	a.hint(hintFor(err))
}

func (a *app) hint(hint string) {
	if hint != "" {
		fmt.Fprintf(a.err, "  %s\n", text.Printable(hint))
	}
}

// note writes a line for people, unless they asked for none or a program is reading.
func (a *app) note(format string, args ...any) {
	if !a.flags.quiet && !a.flags.json {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// width is the terminal's, or 100 columns.
func (a *app) width() int {
	if a.errTTY >= 0 {
		if w, _, err := term.GetSize(a.errTTY); err == nil && w > 0 {
			return w
		}
	}
	return 100
}

const about = `Moves bytes through a flow: a source, stages, a sink. Outputs appear only
complete; a flow that fails or is stopped leaves what was there before.`

const examples = `  pipe-demo demo                             see it all work, on built-in data
  pipe-demo run in.log ! gzip ! in.log.gz    compress a file
  pipe-demo serve                            play a tune in the browser`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "pipe-demo",
		Short:             "move bytes through a flow: source, stages, sink",
		Long:              about,
		Example:           examples,
		Version:           versionLine(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args)
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return flagsFromEnv(cmd) },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{.UsageString}}")
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.demoCommand(), a.cpCommand(), a.runCommand(), a.explainCommand(), a.serveCommand(), a.receiveCommand(), a.getCommand(), a.putCommand(),
		a.listCommand(), a.versionCommand(), completionCommand())
	root.SetHelpCommand(a.helpCommand())
	root.DisableFlagsInUseLine = true
	for _, cmd := range root.Commands() {
		cmd.DisableFlagsInUseLine = true
		hideHelpFlag(cmd)
	}
	return root
}

// usageTemplate has the examples first, and fits a screen of 24 lines and 80 columns.
const usageTemplate = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}Usage: {{.UseLine}}{{if and .HasAvailableSubCommands (not .HasParent)}} COMMAND{{end}}

{{or .Long .Short}}{{if and .HasAvailableSubCommands (not .HasParent)}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}

pipe-demo help COMMAND, or pipe-demo help STAGE, says more.{{end}}{{if and .HasParent .HasAvailableLocalFlags}}

Flags, also by variables such as PIPE_DEMO_LIMIT_RATE:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

// hideHelpFlag keeps -h out of the list of flags: who reads it has found it.
func hideHelpFlag(cmd *cobra.Command) {
	cmd.Flags().BoolP("help", "h", false, "this help")
	cmd.Flags().Lookup("help").Hidden = true
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	var names []string
	for _, c := range cmd.Root().Commands() {
		names = append(names, c.Name())
	}
	e := usageError("unknown command %q", args[0])
	e.hint = text.DidYouMean(args[0], names)
	if e.hint == "" {
		e.hint = "pipe-demo help lists the commands"
	}
	if slices.Contains(args, "!") {
		e.hint = "a flow stands behind run: pipe-demo run " + text.Quote(args)
	}
	return e
}

// needArgs checks how many arguments a command got.
func needArgs(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		var e *exitError
		switch {
		case len(args) < least:
			e = usageError("%s: %s", cmd.Name(), want)
		case most >= 0 && len(args) > most:
			e = usageError("%s: %s; got one more: %q", cmd.Name(), want, args[most])
		default:
			return nil
		}
		e.hint = "usage: " + cmd.UseLine()
		return e
	}
}
