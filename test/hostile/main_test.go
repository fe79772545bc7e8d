// Package hostile_test has clients that mean no good, at the real pipe-demo serve: paths that lead
// out of the folder, and connections by the hundred that do nearly nothing.
package hostile_test

import (
	"os"
	"testing"

	"github.com/weirflow/weir/test/internal/command"
)

func TestMain(m *testing.M) {
	os.Exit(command.Main(m))
}
