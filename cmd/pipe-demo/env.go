package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envName is the environment variable of a long flag: PIPE_DEMO_LIMIT_RATE for --limit-rate.
func envName(flag string) string {
	return "PIPE_DEMO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagsFromEnv gives every flag that is not on the command line the value of its variable, if that is set and not empty.
func flagsFromEnv(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(envName(f.Name))
		if failed != nil || f.Changed || f.Name == "help" || value == "" {
			return
		}
		if err := f.Value.Set(value); err != nil {
			failed = usageError("%s: %s got %q: %v", cmd.Name(), envName(f.Name), value, err)
			return
		}
		f.Changed = true
	})
	return failed
}
