package sinks

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	sweepShare   = 100            // looking through a folder takes at most one part of this many of the time
	sweepNames   = 100_000        // names of a folder that are looked at
	sweepAge     = 24 * time.Hour // from which on a file is stale where there are no locks
	sweepFolders = 1000           // that are remembered
)

// leftovers remembers what killed runs may have left in the folders that were looked through, because
// thousands of runs into one large folder would else spend their time with that.
var leftovers = struct {
	mu      sync.Mutex
	folders map[string]*leftover
}{folders: map[string]*leftover{}}

// leftover is what was found in one folder.
type leftover struct {
	due   time.Time           // to look again
	names map[string][]string // of temporary files, by prefix
}

// sweep removes what killed runs left of the file at path: its temporary files that nobody uses. What goes
// wrong is of no account: the next run tries again.
func sweep(tree tree, path string) {
	folder, base := filepath.Split(path)
	for _, name := range stale(tree, folder, prefix(base)) {
		if hasLocks {
			removeUnlocked(tree, folder+name)
		} else if info, err := tree.Lstat(folder + name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > sweepAge {
			_ = tree.Remove(folder + name)
		}
	}
}

// stale returns the names in folder that have the prefix of a file's temporary ones. It tells each once.
func stale(tree tree, folder, prefix string) []string {
	key := folder
	if root, ok := tree.(*os.Root); ok {
		key = root.Name() + "\x00" + folder
	}
	leftovers.mu.Lock()
	defer leftovers.mu.Unlock()
	f := leftovers.folders[key]
	if begin := time.Now(); f == nil || !begin.Before(f.due) {
		if len(leftovers.folders) >= sweepFolders {
			clear(leftovers.folders)
		}
		f = &leftover{names: look(tree, folder)}
		end := time.Now()
		f.due = end.Add(sweepShare * end.Sub(begin))
		leftovers.folders[key] = f
	}
	found := f.names[prefix]
	delete(f.names, prefix)
	return found
}

// look returns the names of all temporary files in folder.
func look(tree tree, folder string) map[string][]string {
	if folder == "" {
		folder = "."
	}
	dir, err := tree.OpenFile(folder, os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer dir.Close()
	var found map[string][]string
	for seen := 0; seen < sweepNames; {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			if prefix, ok := prefixOf(name); ok {
				if found == nil {
					found = map[string][]string{}
				}
				found[prefix] = append(found[prefix], name)
			}
		}
		if seen += len(names); err != nil {
			break
		}
	}
	return found
}

// prefixOf returns the prefix of a temporary file's name.
func prefixOf(name string) (string, bool) {
	n := len(name) - randomLen
	if n < 0 || name[0] != '.' || !strings.HasSuffix(name[:n], ".weir-") {
		return "", false
	}
	for _, c := range name[n:] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "", false
		}
	}
	return name[:n], true
}
