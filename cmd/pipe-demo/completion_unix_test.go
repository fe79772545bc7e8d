//go:build unix

package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/testenv"
)

// Completion works in a bash that has nothing of the package bash-completion.
func TestCompletionInABareBash(t *testing.T) {
	bash := testenv.Program(t, "bash", "bash")
	const script = `
set -u
compopt() { :; } # the builtin works only while bash completes
source <(pipe-demo completion bash)
complete_words() {
	COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMPREPLY=()
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	__start_pipe-demo 2>&1
	echo "${COMPREPLY[@]-nothing}"
}
complete_words "pipe-demo vers" pipe-demo vers
complete_words "pipe-demo run in ! gunz" pipe-demo run in ! gunz
complete_words "pipe-demo run in ! digest a=sha5" pipe-demo run in ! digest a = sha5
complete_words "pipe-demo get --progress=pl" pipe-demo get --progress = pl
complete_words "pipe-demo get --progress pl" pipe-demo get --progress pl
`
	out, err := exec.Command(bash, "--norc", "--noprofile", "-c", script).CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	want := []string{"version", "gunzip", "sha512", "plain", "plain"}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(string(out)), "\n")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
