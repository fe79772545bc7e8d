package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/weirflow/weir/internal/text"
)

// UserAgent is the command's name in HTTP requests.
const UserAgent = "pipe-demo"

// Version is the line that --version prints: the module's version, with the commit for a build from a checkout.
func Version() string {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return fmt.Sprintf("pipe-demo %s %s/%s %s", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// CommandLine is how a user calls the program with arguments.
func CommandLine(args []string) string { return "pipe-demo " + text.Quote(args) }
