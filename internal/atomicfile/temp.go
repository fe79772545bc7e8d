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
	maxTemps = 10_000         // of one name; longestTail knows
	gap      = 4              // numbers that are not there after which no higher one is looked for
	wideGap  = 32             // likewise, once there was one: writers at once end in any order
)

const (
	maxName     = 143 // bytes that a temporary name has at most, whatever the file system can hold: eCryptfs has no longer ones
	minName     = 64  // bytes that every file system is taken to hold; those of MINIX and the like are not asked for less
	longestTail = len(".weir-link-9999")
	hashed      = 32              // hexadecimal digits in the names that are shortened
	keptMost    = utf8.UTFMax - 1 // bytes that may be cut off in addition, so that no character is cut in two
)

// stem is what the temporary names of a file in d are made of. With the longest tail, it has no more bytes than a name
// in d may have, nor than maxName. What is cut off of a long name is in a hash of the whole, so that no two names have
// one stem: those that are not cut are shorter than the stems of those that are.
func (d *dir) stem(base string) string {
	if 1+len(base)+longestTail <= minName { // so that the file system need not be asked
		return "." + base
	}
	if d.longest == 0 {
		d.longest = max(minName, min(maxName, d.nameMax())) - longestTail
	}
	if 1+len(base) < d.longest-keptMost {
		return "." + base
	}
	n := d.longest - len(".~") - hashed
	for cut := 0; cut < keptMost && !utf8.RuneStart(base[n]); cut++ {
		n--
	}
	sum := sha256.Sum256([]byte(base))
	return "." + base[:n] + "~" + hex.EncodeToString(sum[:hashed/2])
}

// tempName is the temporary name of the file called base with a number.
func (d *dir) tempName(base string, n int) string { return d.stem(base) + ".weir-" + strconv.Itoa(n) }

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

// SweepDirectory removes what killed processes left in the directory of root of the files and links whose names are
// asked for. It reads the whole directory, and so finds links, which are swept only when another one replaces theirs,
// and what has the random names of earlier versions: .NAME.weir- and 11 to 13 lower-case letters and digits. A link
// cannot be locked; it is removed if it belongs to this user. Errors are ignored.
func SweepDirectory(root *os.Root, asked func(name string) bool) {
	list, err := root.Open(".")
	if err != nil {
		return
	}
	defer list.Close()
	var found []string // all of them first: what is removed meanwhile may hide others
	for {
		names, err := list.Readdirnames(1000)
		for _, name := range names {
			if base, ok := leftOver(name); ok && asked(base) {
				found = append(found, name)
			}
		}
		if err != nil {
			break
		}
	}
	if len(found) == 0 {
		return
	}
	d, err := openDir(root, "")
	if err != nil {
		return
	}
	defer d.close()
	for _, name := range found {
		if base, _ := leftOver(name); !d.removeStale(name, base) {
			d.removeLink(name)
		}
	}
}

// leftOver returns the name of the file or link that something may have been left of.
func leftOver(name string) (base string, ok bool) {
	if base, ok := TemporaryOf(name); ok {
		return base, true
	}
	i := strings.LastIndex(name, ".weir-")
	if i < 1 || name[0] != '.' {
		return "", false
	}
	tail := name[i+len(".weir-"):]
	n, link := strings.CutPrefix(tail, "link-")
	random := len(tail) >= 11 && len(tail) <= 13 && strings.Trim(tail, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
	return name[1:i], random || link && strings.Trim(n, "0123456789") == ""
}

// createTemp makes and locks a new file under a temporary name.
//
// Between the two, another process may take it for a stale one: then that has the lock, or the file has
// no name any more, and the next attempt decides.
func (f *File) createTemp() error {
	d, n := f.dest, 0
	for range 2 * maxTemps {
		name := d.dir.tempName(d.base, n)
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
		op, at := "lock", false
		l, held, _, err := take(file)
		if err == nil && held {
			op = "stat"
			at, err = d.dir.isAt(name, file)
		}
		if !at {
			l.release()
			file.Close()
			if err != nil {
				_ = d.dir.remove(name)
				return d.failed(op, err)
			}
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
func (d *dir) isAt(name string, f *os.File) (bool, error) {
	there, err := d.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var have stat
	if err == nil {
		have, err = statFile(f)
	}
	return err == nil && there.same(have), err
}

// sweep removes what killed processes left under the temporary names of the file called base, from a number
// on, and reports whether there was any. Writers take the lowest number, so gaps are short.
func (d *dir) sweep(base string, n, gap int) (found bool) {
	for missing := 0; missing < gap && n < maxTemps; n++ {
		name := d.tempName(base, n)
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
	l, held, known, err := take(f)
	defer l.release()
	if err != nil || !held || !known && time.Since(there.modTime) < staleAge {
		return false
	}
	if at, err := d.isAt(name, f); err != nil || !at { // while the lock is held, no process starts to use it
		return err == nil
	}
	if !known {
		f.Close() // Windows removes no open file
	}
	return d.remove(name) == nil
}
