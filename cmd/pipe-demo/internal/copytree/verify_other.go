//go:build !linux

package copytree

import "os"

// dropCached: only Linux can drop a file's pages from the cache.
func dropCached(*os.File) error { return nil }
