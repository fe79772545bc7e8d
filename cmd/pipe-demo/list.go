package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
)

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "list the sources, stages and sinks, or say all about one",
		Example: `  pipe-demo list
  pipe-demo list gzip`,
		Args: needArgs(0, 1, "it takes one name at most"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.registry.Names(allRoles...), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.describeElement(args[0], "list")
			}
			tw := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			a.listElements(tw, "sources", flow.SourceRole)
			a.listElements(tw, "\nstages", flow.StageRole, flow.FanOutRole)
			a.listElements(tw, "\nsinks", flow.SinkRole)
			return tw.Flush()
		},
	}
}

var allRoles = []flow.Role{flow.SourceRole, flow.StageRole, flow.FanOutRole, flow.SinkRole}

func (a *app) listElements(w io.Writer, title string, roles ...flow.Role) {
	fmt.Fprintf(w, "%s:\n", title)
	for _, e := range a.registry.Elements() {
		if slices.Contains(roles, e.Role()) {
			fmt.Fprintf(w, "  %s\t%s\n", e.Signature(), e.Doc)
		}
	}
}

// describeElement writes what there is to know about an element.
func (a *app) describeElement(name, command string) error {
	found := a.registry.Lookup(name)
	if len(found) == 0 {
		e := usageError("%s: there is no source, stage or sink %q", command, name)
		e.hint = cmp.Or(text.DidYouMean(name, a.registry.Names(allRoles...)), a.registry.Hint)
		return e
	}
	for i, e := range found {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintf(a.out, "Example:\n  pipe-demo run %s\n\n%s %s\n  %s\n", e.Example, e.Role(), e.Signature(), e.Doc)
		for _, fact := range e.Facts() {
			fmt.Fprintf(a.out, "  %s\n", fact)
		}
		for i, o := range e.Options {
			if i == 0 {
				fmt.Fprintln(a.out)
			}
			more := ""
			switch {
			case o.Required:
				more = ", needed"
			case o.Default != "":
				more = ", default " + o.Default
			}
			fmt.Fprintf(a.out, "option %s=%s%s\n  %s\n  takes %s\n", o.Name, o.Type.Name, more, o.Doc, o.Type.Takes)
		}
	}
	return nil
}

// helpCommand explains a command, or an element of flows.
func (a *app) helpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND | STAGE]",
		Short: "explain a command or a stage",
		Args:  needArgs(0, 1, "it takes one name at most"),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			names := a.registry.Names(flow.StageRole, flow.FanOutRole)
			for _, c := range cmd.Root().Commands() {
				names = append(names, c.Name())
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			var names []string
			for _, c := range root.Commands() {
				if c.Name() == args[0] {
					return c.Help()
				}
				names = append(names, c.Name())
			}
			if len(a.registry.Lookup(args[0])) > 0 {
				return a.describeElement(args[0], "help")
			}
			e := usageError("help: there is no command and no stage %q", args[0])
			e.hint = text.DidYouMean(args[0], append(names, a.registry.Names(flow.StageRole, flow.FanOutRole)...))
			if e.hint == "" {
				e.hint = "pipe-demo help lists the commands, pipe-demo list the stages"
			}
			return e
		},
	}
	cmd.DisableFlagsInUseLine = true
	hideHelpFlag(cmd)
	return cmd
}
