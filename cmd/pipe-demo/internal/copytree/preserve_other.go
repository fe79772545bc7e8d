//go:build !unix

package copytree

import (
	"io/fs"
	"os"
	"time"

	"github.com/weirflow/weir/sinks"
)

const nonblock = 0

func owner(fs.FileInfo) *sinks.Owner { return nil }

func device(fs.FileInfo) uint64 { return 0 }

func accessTime(fs.FileInfo) time.Time { return time.Time{} }

func keepOwner(_ *os.Root, _ string, info fs.FileInfo) (fs.FileMode, error) { return info.Mode(), nil }

// keepTimes gives a directory its source's times; a link's own cannot be set.
func keepTimes(root *os.Root, name string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	return root.Chtimes(name, accessTime(info), info.ModTime())
}

func lostTime(_, _ fs.FileInfo) error { return nil }

func keepSpecialBits(*os.Root, string, fs.FileInfo) error { return nil }

func isSparse(fs.FileInfo) bool { return false }
