//go:build !unix || aix || solaris

package sinks

import "os"

// openDir: a folder cannot be synced.
func openDir(tree, string) (*os.File, error) { return nil, nil }

func cannotSync(error) bool { return true }
