//go:build !unix || aix || solaris

package sinks

import (
	"io/fs"
	"os"
)

// lock: on Windows, a file that is open cannot be removed.
func lock(*os.File) *os.File { return nil }

// openDir: a folder cannot be synced.
func openDir(string) (*os.File, error) { return nil, nil }

func cannotSync(error) bool { return true }

func keepOwner(*os.File, fs.FileInfo) (group bool) { return true }
