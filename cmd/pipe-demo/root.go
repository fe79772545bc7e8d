package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/text"
)

const about = `Moves bytes through a flow: a source, stages, a sink. Outputs appear only
complete; a flow that fails or is stopped leaves what was there before.`

const examples = `  pipe-demo demo                             see it all work, on built-in data
  pipe-demo run in.log ! gzip ! in.log.gz    compress a file
  pipe-demo serve                            play a tune in the browser`

func rootCommand(c *cli.Console) *cobra.Command {
	reg := newRegistry()
	root := &cobra.Command{
		Use:               "pipe-demo",
		Short:             "move bytes through a flow: source, stages, sink",
		Long:              about,
		Example:           examples,
		Version:           cli.Version(),
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
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return cli.FlagsFromEnv(cmd) },
	}
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{.UsageString}}")
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return cli.FlagError(cmd, err, flagHint) })
	root.AddCommand(demoCommand(c, reg), cpCommand(c), runCommand(c, reg), explainCommand(c, reg), serveCommand(c, reg), receiveCommand(c), getCommand(c),
		putCommand(c), listCommand(c, reg), versionCommand(c), completionCommand(), manCommand(c))
	root.SetHelpCommand(helpCommand(c, reg))
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

// hideHelpFlag keeps -h out of the list of flags: a reader of the list has found it.
func hideHelpFlag(cmd *cobra.Command) {
	cmd.Flags().BoolP("help", "h", false, "this help")
	cmd.Flags().Lookup("help").Hidden = true
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	var names []string
	for _, c := range cmd.Root().Commands() {
		names = append(names, c.Name())
	}
	hint := synonym(args)
	switch {
	case slices.Contains(args, "!"):
		hint = "a flow follows the word run: pipe-demo run " + text.Quote(args)
	case hint != "":
	default:
		if hint = text.DidYouMean(args[0], names); hint == "" {
			hint = "pipe-demo help lists the commands"
		}
	}
	return cli.Usage("unknown command %q", args[0]).WithHint(hint)
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
			return slices.Insert(slices.Clone(args), i, "--")
		}
	}
	return args
}
