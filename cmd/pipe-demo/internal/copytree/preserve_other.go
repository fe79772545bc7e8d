//go:build !unix

package copytree

import (
	"io/fs"
	"os"
	"time"

	"github.com/weirflow/weir/sinks"
)

func owner(fs.FileInfo) *sinks.Owner { return nil }

func device(fs.FileInfo) uint64 { return 0 }

func accessTime(fs.FileInfo) time.Time { return time.Time{} }

func keepOwner(_ *os.Root, _ string, info fs.FileInfo) (fs.FileMode, error) { return info.Mode(), nil }

// keepLinkTimes: a link's own times cannot be set.
func keepLinkTimes(*os.Root, string, fs.FileInfo) error { return nil }

func keepSpecialBits(*os.Root, string, fs.FileInfo) error { return nil }

func isSparse(fs.FileInfo) bool { return false }
