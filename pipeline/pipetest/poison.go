package pipetest

import (
	"os"
	"strings"
)

// Importing the package switches poison mode on, unless the environment has
// decided already. Benchmarks are left alone: filling and checking every buffer
// would be most of what they measure.
func init() {
	if _, set := os.LookupEnv("WEIR_POISON"); set || benchmarking(os.Args[1:]) {
		return
	}
	if err := os.Setenv("WEIR_POISON", "1"); err != nil {
		panic("pipetest: " + err.Error()) // a test that believes itself poisoned and is not proves nothing
	}
}

// benchmarking reports whether a test binary was called with a -test.bench that is
// not empty. Flags are not parsed yet when packages are initialised.
func benchmarking(args []string) bool {
	for i, arg := range args {
		name, value, assigned := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if name != "-test.bench" && name != "test.bench" || !strings.HasPrefix(arg, "-") {
			continue
		}
		if !assigned && i+1 < len(args) {
			value = args[i+1]
		}
		return value != ""
	}
	return false
}
