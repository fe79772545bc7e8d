package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

func manCommand(c *cli.Console) *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "print the manual page, for man",
		Hidden: true, // so that the help fits a screen; the help of completion has it
		Example: `  pipe-demo man | man -l -
  pipe-demo man > ~/.local/share/man/man1/pipe-demo.1`,
		Args: cli.Args(0, 0, "it takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeMan(c.Out, cmd.Root())
		},
	}
}

// writeMan writes a manual page (man(7)) with all commands and their flags.
func writeMan(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH PIPE\\-DEMO 1\n.SH NAME\npipe\\-demo \\- %s\n", roff(root.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B pipe\\-demo\n.I COMMAND\n[\n.I ARGUMENT\n\\&...]\n")
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(root.Long))
	b.WriteString(".SH COMMANDS\n")
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			continue
		}
		fmt.Fprintf(&b, ".SS %s\n%s.\n", roff(cmd.UseLine()), roff(cmd.Short))
		if cmd.Long != "" {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(cmd.Long))
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				manFlag(&b, f)
			}
		})
		if cmd.Example != "" {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(cmd.Example))
		}
	}
	b.WriteString(".SH ENVIRONMENT\nEach long flag may be set by a variable, such as PIPE_DEMO_LIMIT_RATE for \\-\\-limit\\-rate; a flag comes first.\n")
	b.WriteString(".SH EXIT STATUS\n")
	for _, s := range cli.ExitStatuses {
		fmt.Fprintf(&b, ".TP\n%d\n%s\n", s.Code, roff(s.Meaning))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func manFlag(b *strings.Builder, f *pflag.Flag) {
	b.WriteString(".TP\n.B ")
	if f.Shorthand != "" {
		fmt.Fprintf(b, "\\-%s, ", f.Shorthand)
	}
	kind, usage := pflag.UnquoteUsage(f)
	b.WriteString(strings.TrimSpace(roff("--"+f.Name)+" "+roff(kind)) + "\n" + roff(usage))
	switch f.DefValue {
	case "", "0", "false", "[]":
	default:
		fmt.Fprintf(b, " (default %s)", roff(f.DefValue))
	}
	b.WriteString("\n")
}

// roff escapes a text: the backslash, the hyphen that is to be copied as one, what is not ASCII, and what is a request at the beginning of a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimSpace(s))
	var ascii strings.Builder
	for _, r := range s {
		if r < 128 {
			ascii.WriteRune(r)
		} else {
			fmt.Fprintf(&ascii, `\[u%04X]`, r)
		}
	}
	lines := strings.Split(ascii.String(), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
