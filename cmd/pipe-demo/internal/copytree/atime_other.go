//go:build unix && !linux && !darwin

package copytree

import (
	"io/fs"
	"time"
)

// accessTime is unknown here.
func accessTime(fs.FileInfo) time.Time { return time.Time{} }
