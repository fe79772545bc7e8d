//go:build !linux

package copytree

import "os"

// dropCached: only Linux can be told to forget what it holds of a file in memory.
func dropCached(*os.File) error { return nil }
