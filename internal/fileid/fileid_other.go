//go:build !unix && !windows

package fileid

import (
	"io/fs"
	"os"
)

func system(fs.FileInfo) (ID, Time) { return ID{}, Time{} }

func handle(*os.File) (ID, Time) { return ID{}, Time{} }

// device: which ones are the same is not known.
func device(fs.FileInfo) (ID, bool) { return ID{}, false }

// unallocated: what blocks a file has is not known.
func unallocated(fs.FileInfo) bool { return false }
