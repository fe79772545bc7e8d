package pipetest

import (
	"os"
	"strings"
)

// Importing the package switches poison mode on, unless the environment sets
// WEIR_POISON. Benchmarks run without it: filling and checking every buffer
// would dominate what they measure.
func init() {
	if _, set := os.LookupEnv("WEIR_POISON"); set || benchmarking(os.Args[1:]) {
		return
	}
	if err := os.Setenv("WEIR_POISON", "1"); err != nil {
		panic("pipetest: " + err.Error()) // without poison mode, the tests would prove nothing
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
