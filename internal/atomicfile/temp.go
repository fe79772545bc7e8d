package atomicfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	staleAge = 24 * time.Hour // from which on a file is stale where there are no locks
	maxTemps = 10_000         // of one name
	gap      = 4              // numbers that are not there after which no higher one is looked for
	wideGap  = 32             // likewise, once there was one: writers at once end in any order
)

const (
	longName = 128 // bytes; names of files that are as long or longer are shortened in temporary ones
	keepName = 98  // bytes of them that are kept
)

// stem is what the temporary names of a file are made of. No directory entry that is made of it is longer than
// 143 bytes, which every file system can hold; what is cut off is in a hash, so that no two names have one
// stem. (Names that are not shortened are shorter than the stems of those that are.)
func stem(base string) string {
	if len(base) < longName {
		return "." + base
	}
	n := keepName
	for n > keepName-utf8.UTFMax && !utf8.RuneStart(base[n]) { // between characters
		n--
	}
	sum := sha256.Sum256([]byte(base))
	return "." + base[:n] + "~" + hex.EncodeToString(sum[:16])
}

// tempName is the temporary name of the file called base with a number.
func tempName(base string, n int) string { return stem(base) + ".weir-" + strconv.Itoa(n) }

// TemporaryOf returns the name of the file that a temporary name is one of, as far as that has it.
func TemporaryOf(name string) (base string, ok bool) {
	i := strings.LastIndex(name, ".weir-")
	if i < 1 || name[0] != '.' || strings.Trim(name[i+len(".weir-"):], "0123456789") != "" {
		return "", false
	}
	return name[1:i], true
}

// Sweep removes the temporary files that killed processes left of the file called name. Create does that for its
// own name. Errors are ignored: the next one tries again.
func Sweep(root *os.Root, name string) {
	parent, base := filepath.Split(name)
	if d, err := openDir(root, parent); err == nil {
		defer d.close()
		d.sweep(base, 0, wideGap)
	}
}

// createTemp makes and locks a new file under a temporary name.
//
// Between the two, another process may take it for a stale one: then that has the lock, or the file has
// no name any more, and the next attempt decides.
func (f *File) createTemp() error {
	d, n := f.dest, 0
	for range 2 * maxTemps {
		name := tempName(d.base, n)
		file, err := d.dir.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, f.createMode(), d.name)
		switch {
		case errors.Is(err, fs.ErrExist):
			f.crowded = true
			if !d.dir.removeStale(name, d.base) {
				n++
			}
			continue
		case err != nil:
			return d.refused("open", err)
		}
		l, held, _ := take(file)
		if !held || !d.dir.isAt(name, file) {
			l.release()
			file.Close()
			continue
		}
		f.file, f.lock, f.name = file, l, name
		// Names that are not there cost a tenth of the time of a small file in a new directory. So they are looked
		// for only where the file exists already or other writers were met.
		switch {
		case f.crowded:
			d.dir.sweep(d.base, n+1, wideGap)
		case d.exists:
			f.crowded = d.dir.sweep(d.base, n+1, gap)
		}
		return nil
	}
	return d.failed("open", fs.ErrExist)
}

// isAt reports whether f is the file that name stands for.
func (d *dir) isAt(name string, f *os.File) bool {
	there, err := d.lstat(name)
	if err != nil {
		return false
	}
	have, err := statFile(f)
	return err == nil && there.same(have)
}

// sweep removes what killed processes left under the temporary names of the file called base, from a number
// on, and reports whether there was any. Writers take the lowest number, so gaps are short.
func (d *dir) sweep(base string, n, gap int) (found bool) {
	for missing := 0; missing < gap && n < maxTemps; n++ {
		name := tempName(base, n)
		if _, err := d.lstat(name); err != nil {
			missing++
			continue
		}
		missing, gap, found = 0, wideGap, true
		d.removeStale(name, base)
	}
	return found
}

// removeStale removes a temporary file of the file called base, if it was left by a process that was killed,
// and reports whether it is gone. What may be in use, or is not this package's, stays.
func (d *dir) removeStale(name, base string) (gone bool) {
	there, err := d.lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true
	case err != nil || !there.mode.IsRegular() || !there.ours():
		return false
	case there.links > 1:
		// Publish links where it cannot rename, and may have been killed before it removed this name.
		if file, err := d.lstat(base); err != nil || !file.same(there) {
			return false
		}
	}
	var f *os.File
	for _, flag := range []int{os.O_RDWR, os.O_RDONLY, os.O_WRONLY} { // locks of NFS want O_RDWR
		if f, err = d.open(name, flag|nonblock, 0, name); !errors.Is(err, fs.ErrPermission) {
			break
		}
	}
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	l, held, known := take(f)
	defer l.release()
	switch {
	case !held, !known && time.Since(there.modTime) < staleAge:
		return false
	case !d.isAt(name, f): // while the lock is held, no process starts to use it
		return true
	}
	if !known {
		f.Close() // Windows removes no open file
	}
	return d.remove(name) == nil
}
