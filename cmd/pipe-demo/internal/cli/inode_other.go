//go:build !unix

package cli

import "io/fs"

func inode(fs.FileInfo) string { return "" }
