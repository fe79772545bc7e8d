package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

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
			return elementNames(sourceRole, stageRole, sinkRole), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.describeElement(args[0], "list")
			}
			tw := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for i, r := range []role{sourceRole, stageRole, sinkRole} {
				if i > 0 {
					fmt.Fprintln(tw)
				}
				listElements(tw, r)
			}
			return tw.Flush()
		},
	}
}

func listElements(w io.Writer, r role) {
	fmt.Fprintf(w, "%ss:\n", r)
	for _, e := range elementsOf(r) {
		fmt.Fprintf(w, "  %s\t%s\n", e.signature(), e.doc)
	}
}

// describeElement writes what there is to know about an element.
func (a *app) describeElement(name, command string) error {
	found := elementNamed(name)
	if len(found) == 0 {
		e := usageError("%s: there is no source, stage or sink %q", command, name)
		e.hint = text.DidYouMean(name, elementNames(sourceRole, stageRole, sinkRole))
		if e.hint == "" {
			e.hint = "pipe-demo list shows all of them"
		}
		return e
	}
	for i, e := range found {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		e.describe(a.out)
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
			names := elementNames(stageRole)
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
			if len(elementNamed(args[0])) > 0 {
				return a.describeElement(args[0], "help")
			}
			e := usageError("help: there is no command and no stage %q", args[0])
			e.hint = text.DidYouMean(args[0], append(names, elementNames(stageRole)...))
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
