package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
)

func listCommand(c *cli.Console, reg *flow.Registry) *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "list the sources, stages and sinks, or say all about one",
		Example: `  pipe-demo list
  pipe-demo list gzip`,
		Args: cli.Args(0, 1, "it takes one name at most"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return reg.Names(allRoles...), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return describeElement(c.Out, reg, args[0], "list")
			}
			tw := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
			listElements(tw, reg, "sources", flow.SourceRole)
			listElements(tw, reg, "\nstages", flow.StageRole, flow.FanOutRole)
			listElements(tw, reg, "\nsinks", flow.SinkRole)
			return tw.Flush()
		},
	}
}

var allRoles = []flow.Role{flow.SourceRole, flow.StageRole, flow.FanOutRole, flow.SinkRole}

func listElements(w io.Writer, reg *flow.Registry, title string, roles ...flow.Role) {
	fmt.Fprintf(w, "%s:\n", title)
	for _, e := range reg.Elements() {
		if slices.Contains(roles, e.Role()) {
			fmt.Fprintf(w, "  %s\t%s\n", e.Signature(), e.Doc)
		}
	}
}

// describeElement writes what there is to know about an element.
func describeElement(w io.Writer, reg *flow.Registry, name, command string) error {
	found := reg.Lookup(name)
	if len(found) == 0 {
		e := cli.Usage("%s: there is no source, stage or sink %q", command, name)
		e.Hint = cmp.Or(text.DidYouMean(name, reg.Names(allRoles...)), reg.Hint)
		return e
	}
	for i, e := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "Example:\n  pipe-demo run %s\n\n%s %s\n  %s\n", e.Example, e.Role(), e.Signature(), e.Doc)
		for _, fact := range e.Facts() {
			fmt.Fprintf(w, "  %s\n", fact)
		}
		for i, o := range e.Options {
			if i == 0 {
				fmt.Fprintln(w)
			}
			more := ""
			switch {
			case o.Required:
				more = ", needed"
			case o.Default != "":
				more = ", default " + o.Default
			}
			fmt.Fprintf(w, "option %s=%s%s\n  %s\n  takes %s\n", o.Name, o.Type.Name, more, o.Doc, o.Type.Takes)
		}
	}
	return nil
}

// helpCommand explains a command, or an element of flows.
func helpCommand(c *cli.Console, reg *flow.Registry) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND | STAGE]",
		Short: "explain a command or a stage",
		Args:  cli.Args(0, 1, "it takes one name at most"),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			names := reg.Names(flow.StageRole, flow.FanOutRole)
			for _, c := range cmd.Root().Commands() {
				if !c.Hidden {
					names = append(names, c.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			var names []string
			for _, known := range root.Commands() {
				if known.Name() == args[0] {
					return known.Help()
				}
				names = append(names, known.Name())
			}
			if len(reg.Lookup(args[0])) > 0 {
				return describeElement(c.Out, reg, args[0], "help")
			}
			e := cli.Usage("help: there is no command and no stage %q", args[0])
			e.Hint = text.DidYouMean(args[0], append(names, reg.Names(flow.StageRole, flow.FanOutRole)...))
			if e.Hint == "" {
				e.Hint = "pipe-demo help lists the commands, pipe-demo list the stages"
			}
			return e
		},
	}
	cmd.DisableFlagsInUseLine = true
	hideHelpFlag(cmd)
	return cmd
}
