// Pipe-demo moves bytes through a flow, with progress, integrity and clean endings. Its help says what it can do:
//
//	go run ./cmd/pipe-demo help
package main

import (
	"context"
	"os"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

func main() {
	c := cli.NewConsole()
	ctx := cli.WithSignals(context.Background(), func(code int) {
		c.Leave()
		os.Exit(code)
	})
	root := rootCommand(c)
	root.SetArgs(endFlags(os.Args[1:]))
	os.Exit(c.Finish(root.ExecuteContext(ctx)))
}
