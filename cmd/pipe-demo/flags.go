package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
)

// byteRate is a flag in bytes per second; 0 is no limit.
type byteRate int64

func (r *byteRate) String() string {
	if *r == 0 {
		return ""
	}
	return fmt.Sprint(int64(*r))
}
func (r *byteRate) Type() string { return "RATE" }
func (r *byteRate) Set(s string) error {
	if s == "0" {
		*r = 0
		return nil
	}
	n, err := text.ParseRate(s)
	if err != nil {
		return fmt.Errorf("it takes %s: %w", flow.Rate().Takes, err)
	}
	*r = byteRate(n)
	return nil
}

// byteSize is a flag in bytes; 0 is no limit.
type byteSize int64

func (n *byteSize) String() string {
	if *n == 0 {
		return ""
	}
	return fmt.Sprint(int64(*n))
}
func (n *byteSize) Type() string { return "SIZE" }
func (n *byteSize) Set(s string) error {
	v, err := text.ParseSize(s)
	if err != nil {
		return fmt.Errorf("it takes %s: %w", flow.Size().Takes, err)
	}
	*n = byteSize(v)
	return nil
}

// duration is a flag that takes 90s, 5m or plain seconds; 0 is no limit.
type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}
func (d *duration) Type() string { return "TIME" }
func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		v, err = time.ParseDuration(s + "s")
	}
	if err != nil || v < 0 {
		return errors.New("it takes a time such as 30s, 5m or 1h30m")
	}
	*d = duration(v)
	return nil
}

// hostPort is an address to listen on.
type hostPort string

func (a *hostPort) String() string { return string(*a) }
func (a *hostPort) Type() string   { return "HOST:PORT" }
func (a *hostPort) Set(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return errors.New("it takes HOST:PORT, such as 127.0.0.1:8080, or 127.0.0.1:0 for a free port")
	}
	*a = hostPort(s)
	return nil
}

// choice is a flag that is one of a few words; the first one is the default.
type choice struct {
	value string
	words []string
}

func newChoice(words ...string) choice { return choice{words[0], words} }

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "WORD" }
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errors.New("it takes " + text.OrList(c.words))
	}
	c.value = s
	return nil
}

// outputFlags are for commands that make files.
func (a *app) outputFlags(f *pflag.FlagSet) {
	f.BoolVarP(&a.flags.force, "force", "f", false, "replace an existing output")
	f.BoolVarP(&a.flags.noClobber, "no-clobber", "n", false, "leave an existing output and exit 0")
}

// transferFlags are for commands that move bytes.
func (a *app) transferFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	a.flags.progress = newChoice("auto", "plain", "off")
	f.Var(&a.flags.limitRate, "limit-rate", "bytes per second at most, such as 500k or 10M")
	f.Var(&a.flags.maxTime, "max-time", "stop after this time, such as 30s or 5m; exit 7")
	f.Var(&a.flags.progress, "progress", "auto, plain (a line every 10 s) or off")
	f.BoolVar(&a.flags.json, "json", false, "events on stderr, one JSON object a line")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "errors only")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "a table of the nodes at the end")
	completeWords(cmd, "progress", a.flags.progress.words)
}

// completeWords lets the shell complete a flag's value.
func completeWords(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err)
	}
}

// rule is what the flags say about outputs that exist.
func (s *shared) rule() (outputRule, error) {
	if s.force && s.noClobber {
		return outputRule{}, usageError("-f and -n exclude each other: -f replaces an existing output, -n leaves it")
	}
	return outputRule{force: s.force, noClobber: s.noClobber}, nil
}

// flagError makes pflag's errors speak like the others.
func flagError(cmd *cobra.Command, err error) error {
	name := cmd.Name() + ": "
	if !cmd.HasParent() {
		name = "" // every message starts with it already
	}
	e := usageError("%s%v", name, err)
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		dashes := "--"
		if missing.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		e = usageError("%sunknown flag %s%s", name, dashes, missing.GetSpecifiedName())
		if near := text.Nearest(missing.GetSpecifiedName(), names); len(near) > 0 && dashes == "--" {
			e.hint = "did you mean --" + strings.Join(near, " or --") + "?"
			return e
		}
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		e = usageError("%s--%s got %q: %v", name, invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		e = usageError("%s--%s needs a value", name, missing.GetFlag().Name)
	}
	e.hint = strings.TrimSuffix("pipe-demo help "+strings.TrimSuffix(name, ": "), " ") + " says more"
	return e
}
