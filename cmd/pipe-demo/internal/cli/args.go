package cli

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirflow/weir/internal/text"
)

// Args checks how many arguments a command has; a negative most is no limit.
func Args(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		var e *Error
		switch {
		case len(args) < least:
			e = Usage("%s: %s", cmd.Name(), want)
		case most >= 0 && len(args) > most:
			e = Usage("%s: %s; got one more: %q", cmd.Name(), want, args[most])
		default:
			return nil
		}
		return e.WithHint("usage: " + cmd.UseLine())
	}
}

// envName is the environment variable of a long flag: PIPE_DEMO_LIMIT_RATE for --limit-rate.
func envName(flag string) string {
	return "PIPE_DEMO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// FlagsFromEnv gives every flag that is not on the command line the value of its variable, if that is set and not empty.
func FlagsFromEnv(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(envName(f.Name))
		if failed != nil || f.Changed || f.Name == "help" || value == "" {
			return
		}
		if err := f.Value.Set(value); err != nil {
			failed = Usage("%s: %s got %q: %v", cmd.Name(), envName(f.Name), value, wrongValue(err))
			return
		}
		f.Changed = true
	})
	return failed
}

// FlagError gives an error of pflag the form of the others.
func FlagError(cmd *cobra.Command, err error, synonym func(cmd *cobra.Command, flag string) string) error {
	name, help := cmd.Name()+": ", "pipe-demo help "+cmd.Name()+" says more"
	if !cmd.HasParent() {
		name, help = "", "pipe-demo help says more" // every message starts with the program's name
	}
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(cmd, name, help, missing, synonym(cmd, missing.GetSpecifiedName()))
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return Usage("%s--%s got %q: %v", name, invalid.GetFlag().Name, invalid.GetValue(), wrongValue(invalid.Unwrap())).WithHint(help)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return Usage("%s--%s needs a value", name, missing.GetFlag().Name).WithHint(help)
	}
	return Usage("%s%v", name, err).WithHint(help)
}

// wrongValue says what a flag takes, where the error of package strconv does not.
func wrongValue(err error) error {
	number, ok := errors.AsType[*strconv.NumError](err)
	switch {
	case !ok:
		return err
	case number.Func == "ParseBool":
		return errors.New("it takes true or false")
	}
	return errors.New("it takes a whole number")
}

func unknownFlag(cmd *cobra.Command, name, help string, missing *pflag.NotExistError, synonym string) *Error {
	if synonym != "" {
		help = synonym
	}
	if missing.GetSpecifiedShortnames() != "" {
		return Usage("%sunknown flag -%s", name, missing.GetSpecifiedName()).WithHint(help)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := text.Nearest(missing.GetSpecifiedName(), names); len(near) > 0 && synonym == "" {
		help = "did you mean --" + strings.Join(near, " or --") + "?"
	}
	return Usage("%sunknown flag --%s", name, missing.GetSpecifiedName()).WithHint(help)
}
