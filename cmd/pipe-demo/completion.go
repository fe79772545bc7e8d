package main

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/text"
)

func completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a completion script for a shell",
		Long:  "The manual page is printed by pipe-demo man.",
		Example: `  source <(pipe-demo completion bash)
  pipe-demo completion fish > ~/.config/fish/completions/pipe-demo.fish`,
		Args:      cli.Args(1, 1, "it takes the name of a shell: bash, zsh, fish or powershell"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return bashCompletion(root, out)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			e := cli.Usage("completion: unknown shell %q: it takes %s", args[0], text.OrList(shells))
			e.Hint = text.DidYouMean(args[0], shells)
			return e
		},
	}
}

// bashWords stands in for a function of the package bash-completion, which macOS and most containers do not have: it puts the words
// together that bash has divided at = and :, as words, cword, cur and prev. It works in bash 3.2.
const bashWords = `if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    _get_comp_words_by_ref() {
        local line=$COMP_LINE rest word i n=-1
        words=()
        for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
            word=${COMP_WORDS[i]}
            rest=${line#"${line%%[![:space:]]*}"}
            if [[ $n -ge 0 && $rest == "$line" && ( $word == [=:]* || ${words[n]} == *[=:] ) ]]; then
                words[n]=${words[n]}$word
            else
                n=$((n + 1))
                words[n]=$word
            fi
            line=${rest#"$word"}
            [[ $i -eq $COMP_CWORD ]] && cword=$n
        done
        cur=${words[cword]} prev=${words[cword > 0 ? cword - 1 : 0]}
    }
fi
`

// bashCompletion writes the script for bash.
func bashCompletion(root *cobra.Command, w io.Writer) error {
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	_, err := io.WriteString(w, bashWords+script.String())
	return err
}
