//go:build unix

// Package cut_test has files, servers and connections that end too early, between the real pipe-demo
// and real clients: whoever gets less than the whole must be told.
package cut_test

import (
	"os"
	"testing"

	"github.com/weirflow/weir/test/internal/command"
)

func TestMain(m *testing.M) { os.Exit(command.Main(m)) }
