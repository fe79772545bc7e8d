// Package hostile_test has clients that mean no good, at the real pipe-demo serve: paths that lead
// out of the directory, and connections by the hundred that do nearly nothing.
package hostile_test

import (
	"flag"
	"os"
	"testing"

	"github.com/weirflow/weir/test/internal/command"
)

func TestMain(m *testing.M) {
	// The attacks take their time with hardly any work: they run beside each other on any machine.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(command.Main(m))
}
