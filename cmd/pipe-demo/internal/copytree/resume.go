package copytree

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/sinks"
)

// fingerprint is that of the source as it is now; "" if what is left of its copy could not be told from that of another content.
func (j *job) fingerprint() (string, error) {
	from, _, root, _ := j.names()
	open := os.Open
	if root != nil {
		open = root.Open
	}
	f, err := open(from)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return cli.Fingerprint(j.src, f)
}

// findPartial finds what an earlier run has left of the copy.
func (j *job) findPartial(root *os.Root, name string) (err error) {
	if j.identity, err = j.fingerprint(); err != nil {
		return err
	}
	if j.identity == "" {
		j.Console.Note("%s: cannot be resumed: its file system does not tell whether a file has changed", j.src)
		return nil
	}
	left, n, err := sinks.Partial(root, name)
	if err == nil && left == j.identity {
		j.resumed = n
	}
	return err
}

// kept says what is left of a copy that has failed, and how to resume, if that can help; "" when nothing is left.
func (j *job) kept(failed error) string {
	left, err := atomicfile.FindPartial(nil, j.dst)
	if err != nil || j.identity == "" || left.Fingerprint != j.identity {
		return ""
	}
	if now, err := j.fingerprint(); err != nil || now != j.identity {
		return "" // it has changed: the next run begins again
	}
	if _, hopeless := errors.AsType[*atomicfile.ReplaceError](failed); hopeless {
		return fmt.Sprintf("%s of %s kept in %s", text.Size(left.Offset), text.Size(j.info.Size()), left.Path)
	}
	return fmt.Sprintf("%s of %s kept in %s; resume with: %s", text.Size(left.Offset), text.Size(j.info.Size()), left.Path, cli.CommandLine(os.Args[1:]))
}

// resumeTree is the command line that resumes the copy of several files or a tree: what is complete exists already, and
// a directory that was made is one to copy into now.
func (o *Copy) resumeTree(copies []fileCopy) string {
	words := slices.Clone(os.Args[1:])
	if c := copies[0]; len(copies) == 1 && c.tree && c.made {
		for i := len(words) - 2; i >= 0; i-- {
			if words[i] == c.src {
				words[i] = cli.JoinPath(c.src, ".")
				break
			}
		}
	}
	if at := slices.Index(words, "cp"); at >= 0 && !o.Existing.Force && !o.Existing.NoClobber {
		words = slices.Insert(words, at+1, "-n")
	}
	return cli.CommandLine(words)
}
