package main

import (
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/text"
)

// fingerprint tells whether what an earlier run has left came from this file as it is now.
func fingerprint(path string, info fs.FileInfo) string {
	return fmt.Sprintf("%s %d bytes of %s", canonical(path), info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000Z")) + inode(info)
}

// kept says what is left of a copy that has failed, and how to go on; "" when nothing is.
func (j *copyJob) kept() string {
	left, err := atomicfile.FindPartial(nil, j.dst)
	if err != nil || left.Fingerprint != fingerprint(j.src, j.info) {
		return ""
	}
	return fmt.Sprintf("%s of %s are kept in %s; to go on: %s", text.Size(left.Offset), text.Size(j.info.Size()), text.Printable(left.Path), again())
}

// again is the command line that this process was started with.
func again() string { return "pipe-demo " + text.Printable(text.Quote(os.Args[1:])) }

// againTree is the command line that goes on with several files or a tree: what is complete is there already, and a
// folder that was made is one to copy into now.
func againTree(copies []fileCopy, rule outputRule) string {
	words := slices.Clone(os.Args[1:])
	if c := copies[0]; len(copies) == 1 && c.tree && c.made {
		for i := len(words) - 2; i >= 0; i-- {
			if words[i] == c.src {
				words[i] = joinPath(c.src, ".")
				break
			}
		}
	}
	if at := slices.Index(words, "cp"); at >= 0 && !rule.force && !rule.noClobber {
		words = slices.Insert(words, at+1, "-n")
	}
	return "pipe-demo " + text.Printable(text.Quote(words))
}
