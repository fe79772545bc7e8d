//go:build unix

// Package cut_test has files, servers and connections that end too early, between the real
// pipe-demo and real clients: a client that receives less than the whole must see an error.
package cut_test

import (
	"flag"
	"os"
	"testing"

	"github.com/weirflow/weir/test/internal/command"
)

func TestMain(m *testing.M) {
	// Most of the time is spent waiting: before retries, and for clients that do not read.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(command.Main(m))
}
