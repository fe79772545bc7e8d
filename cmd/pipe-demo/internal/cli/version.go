package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/weirflow/weir/internal/text"
)

// UserAgent is the command's name in HTTP requests.
const UserAgent = "pipe-demo"

// Version is the line that --version prints: the module's version, and for a build from a checkout its commit and the commit's time.
func Version() string {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = versionOf(info)
	}
	return fmt.Sprintf("pipe-demo %s %s/%s %s", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func versionOf(info *debug.BuildInfo) string {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	version := cmp.Or(info.Main.Version, "(devel)")
	commit := settings["vcs.revision"]
	if commit == "" {
		return version
	}
	commit = commit[:min(12, len(commit))]
	if settings["vcs.modified"] == "true" {
		commit += ", modified"
	}
	return fmt.Sprintf("%s (commit %s, %s)", version, commit, settings["vcs.time"])
}

// CommandLine is how a user calls the program with arguments.
func CommandLine(args []string) string { return "pipe-demo " + text.Quote(args) }
