//go:build !cgo || !unix

package cli

// termIgnored reports whether SIGTERM was ignored when the process started. Without C nothing can look before the Go runtime
// catches SIGTERM, ignored or not; it leaves SIGINT and SIGHUP as they are.
func termIgnored() bool { return false }

// stdoutClosed reports whether standard output was closed when the process started, as far as that is known.
func stdoutClosed() bool { return false }
