package atomicfile_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/testenv"
)

var faultTime = flag.Duration("faults", 0, "for how long to let two random system calls fail together, beside each one")

// A scenario is a use of the package. Every system call that it makes is made to fail, in every way that it can.
type scenario struct {
	name   string
	always []fault // of the file system that it is about
	before func(dir string) error
	run    func(dir string) error // what is traced
	after  map[string]string      // the directory if it succeeds

	needs func(dir string) error // what a system may not have; without it the scenario is skipped

	// kept reports what is wrong with what a failed run has left, if that may be other than what was there before. It
	// may be nil.
	kept func(before, left map[string]string, err error) string
}

// publish writes pieces and gives f both of its exits, as a caller does.
func publish(f *atomicfile.File, pieces ...string) (err error) {
	defer func() { err = errors.Join(err, f.Discard()) }()
	for _, p := range pieces {
		if _, err := f.Write([]byte(p)); err != nil {
			return err
		}
	}
	if err := f.Finish(nil); err != nil {
		return err
	}
	return f.Publish()
}

// create is a scenario's run that makes "out" of pieces.
func create(opts atomicfile.Options, pieces ...string) func(dir string) error {
	return func(dir string) error {
		d, err := atomicfile.Locate(nil, filepath.Join(dir, "out"))
		if err != nil {
			return err
		}
		f, err := d.Create(opts)
		if err != nil {
			return err
		}
		return publish(f, pieces...)
	}
}

// fill makes files, by name.
func fill(files map[string]string) func(dir string) error {
	return func(dir string) error {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return err
			}
			if to, ok := strings.CutPrefix(files[name], "-> "); ok {
				if err := os.Symlink(to, path); err != nil {
					return err
				}
				continue
			}
			if err := os.WriteFile(path, []byte(files[name]), 0o640); err != nil {
				return err
			}
		}
		return nil
	}
}

func only(errno unix.Errno, calls ...int) (faults []fault) {
	for _, nr := range calls {
		faults = append(faults, fault{at: -1, nr: nr, errno: errno})
	}
	return faults
}

// resume continues "out" after the first n bytes; with keep, it is then given up.
func resume(dir string, n int64, rest string, keep bool) (err error) {
	d, err := atomicfile.Locate(nil, filepath.Join(dir, "out"))
	if err != nil {
		return err
	}
	f, err := d.Resume("source", n, atomicfile.Options{})
	if err != nil {
		return err
	}
	if !keep {
		return publish(f, rest)
	}
	_, err = f.Write([]byte(rest))
	return errors.Join(err, f.Discard())
}

// resumable reports what is wrong with a partial file, of which the source is all.
func resumable(all string) func(before, left map[string]string, err error) string {
	return func(before, left map[string]string, err error) string {
		rest := maps.Clone(left)
		delete(rest, ".out.part")
		delete(rest, ".out.part.id")
		was := maps.Clone(before)
		delete(was, ".out.part")
		delete(was, ".out.part.id")
		if diff := cmp.Diff(was, rest); diff != "" {
			return "beside the partial file (-want +got):\n" + diff
		}
		var record struct {
			Fingerprint []byte
			Synced      int
		}
		_, part := left[".out.part"]
		_, old := before[".out.part"]
		switch id, ok := left[".out.part.id"]; {
		case !ok && part && !old && !strings.Contains(fmt.Sprint(err), "is left"):
			return "a partial file without a record is left"
		case !ok:
			return ""
		case json.Unmarshal([]byte(id), &record) != nil:
			return "the record is " + id
		}
		if part := left[".out.part"]; record.Synced > len(part) || record.Synced > len(all) || part[:record.Synced] != all[:record.Synced] {
			return fmt.Sprintf("the record says that %d bytes can be trusted of %q", record.Synced, part)
		}
		return ""
	}
}

func scenarios() []scenario {
	const part, all = "the first bytes, ", "the first bytes, and the rest"
	old := map[string]string{"out": "old"}
	fresh := map[string]string{"out": "new"}
	record := `{"fingerprint":"c291cmNl","synced":17}` // "source", in base 64
	noNew := only(unix.ENOSYS, unix.SYS_RENAMEAT2)
	megabyte := strings.Repeat("0123456789abcdef", 1<<16+100)
	id := &atomicfile.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	when := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	return []scenario{
		{name: "create", run: create(atomicfile.Options{}, "new"), after: fresh},
		{name: "create an empty file", run: create(atomicfile.Options{}), after: map[string]string{"out": ""}},
		{name: "replace", before: fill(old), run: create(atomicfile.Options{}, "n", "ew"), after: fresh},
		{name: "replace, not synced", before: fill(old), run: create(atomicfile.Options{Sync: atomicfile.SyncNone}, "new"), after: fresh},
		{name: "replace, with owner, mode and times", before: fill(old),
			run: create(atomicfile.Options{Owner: id, Mode: 0o600, ModTime: when, AccessTime: when}, "new"), after: fresh},
		{name: "replace a file with an ACL", before: fill(old), needs: func(dir string) error {
			return unix.Lsetxattr(filepath.Join(dir, "out"), accessACL, anACL(), 0)
		}, run: create(atomicfile.Options{}, "new"), after: fresh},
		{name: "replace, where new files get an ACL", before: fill(old), needs: func(dir string) error {
			return unix.Lsetxattr(dir, defaultACL, anACL(), 0)
		}, run: create(atomicfile.Options{}, "new"), after: fresh},
		{name: "replace a file of others", before: fill(old), needs: func(dir string) error {
			return os.Chown(filepath.Join(dir, "out"), 1234, 1234)
		}, run: create(atomicfile.Options{}, "new"), after: fresh},
		{name: "replace a file of others with an ACL", before: fill(old), needs: func(dir string) error {
			return errors.Join(os.Chown(filepath.Join(dir, "out"), 1234, 1234), unix.Lsetxattr(filepath.Join(dir, "out"), accessACL, anACL(), 0))
		}, run: create(atomicfile.Options{}, "new"), after: fresh},
		{name: "WriteFile in a root", before: fill(map[string]string{"sub/out": "old"}), run: func(dir string) error {
			root, err := os.OpenRoot(dir)
			if err != nil {
				return err
			}
			defer root.Close()
			return atomicfile.WriteFile(root, "sub/out", []byte("new"), atomicfile.Options{})
		}, after: map[string]string{"sub": "/", "sub/out": "new"}},
		{name: "replace through links", before: fill(map[string]string{"out": "-> sub/link", "sub/link": "-> file", "sub/file": "old"}),
			run: create(atomicfile.Options{}, "new"), after: map[string]string{"out": "-> sub/link", "sub": "/", "sub/link": "-> file", "sub/file": "new"}},
		{name: "create only", run: create(atomicfile.Options{CreateOnly: true}, "new"), after: fresh},
		{name: "create only, by a link", always: noNew, run: create(atomicfile.Options{CreateOnly: true}, "new"), after: fresh},
		{name: "create only, without links", always: append(only(unix.EPERM, unix.SYS_LINKAT), noNew...), run: create(atomicfile.Options{CreateOnly: true}, "new"), after: fresh},
		{name: "create only, and there is one", before: fill(old), run: func(dir string) error {
			err := create(atomicfile.Options{CreateOnly: true}, "new")(dir)
			if errors.Is(err, fs.ErrExist) && !strings.Contains(err.Error(), "left") {
				err = nil
			}
			return err
		}, after: old},
		{name: "a file without locks", always: only(unix.ENOLCK, unix.SYS_FLOCK), before: fill(old), run: create(atomicfile.Options{}, "new"), after: fresh},
		{name: "where killed runs left files", before: fill(map[string]string{"out": "old", ".out.weir-0": "killed", ".out.weir-1": "killed"}),
			run: create(atomicfile.Options{}, "new"), after: fresh, kept: leftOvers},
		{name: "a large file of known size", before: fill(old),
			run:   create(atomicfile.Options{Size: func() (int64, bool) { return int64(5 * len(megabyte)), true }}, megabyte, megabyte, megabyte, megabyte, megabyte),
			after: map[string]string{"out": strings.Repeat(megabyte, 5)}},
		{name: "holes", before: fill(old), run: create(atomicfile.Options{Sparse: true}, "new", strings.Repeat("\x00", 20<<10), "end", strings.Repeat("\x00", 20<<10)),
			after: map[string]string{"out": "new" + strings.Repeat("\x00", 20<<10) + "end" + strings.Repeat("\x00", 20<<10)}},
		{name: "the kernel copies", before: fill(map[string]string{"out": "old", "in": megabyte}), run: func(dir string) (err error) {
			in, err := os.Open(filepath.Join(dir, "in"))
			if err != nil {
				return err
			}
			defer in.Close()
			d, err := atomicfile.Locate(nil, filepath.Join(dir, "out"))
			if err != nil {
				return err
			}
			f, err := d.Create(atomicfile.Options{Size: func() (int64, bool) { return int64(len(megabyte)), true }})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Discard()) }()
			filler := any(f).(interface {
				FillFrom(io.Reader, int64) (int64, error)
			})
			n, err := filler.FillFrom(in, int64(len(megabyte)))
			if err != nil {
				return err
			}
			if n < int64(len(megabyte)) { // as package pipeline does
				b := make([]byte, len(megabyte)-int(n))
				if _, err := io.ReadFull(in, b); err != nil {
					return err
				}
				if _, err := f.Write(b); err != nil {
					return err
				}
			}
			if err := f.Finish(nil); err != nil {
				return err
			}
			return f.Publish()
		}, after: map[string]string{"out": megabyte, "in": megabyte}},
		{name: "discard", before: fill(old), run: func(dir string) error {
			d, err := atomicfile.Locate(nil, filepath.Join(dir, "out"))
			if err != nil {
				return err
			}
			f, err := d.Create(atomicfile.Options{})
			if err != nil {
				return err
			}
			_, err = f.Write([]byte("new"))
			return errors.Join(err, f.Discard())
		}, after: old},
		{name: "publish another file", before: fill(map[string]string{"out": "old", "in": "new"}), run: func(dir string) error {
			return atomicfile.Publish(nil, filepath.Join(dir, "in"), filepath.Join(dir, "out"), atomicfile.Options{})
		}, after: fresh},
		{name: "publish another file, create only", before: fill(map[string]string{"in": "new"}), run: func(dir string) error {
			return atomicfile.Publish(nil, filepath.Join(dir, "in"), filepath.Join(dir, "out"), atomicfile.Options{CreateOnly: true})
		}, after: fresh},
		{name: "begin a partial file", before: fill(old), run: func(dir string) error { return resume(dir, 0, part, true) },
			after: map[string]string{"out": "old", ".out.part": part, ".out.part.id": record}, kept: resumable(all)},
		{name: "a partial file that becomes complete", before: fill(old), run: func(dir string) error { return resume(dir, 0, all, false) },
			after: map[string]string{"out": all}, kept: resumable(all)},
		{name: "resume", before: fill(map[string]string{"out": "old", ".out.part": part, ".out.part.id": record}),
			run: func(dir string) error { return resume(dir, int64(len(part)), all[len(part):], false) }, after: map[string]string{"out": all}, kept: resumable(all)},
		{name: "resume, and keep", before: fill(map[string]string{".out.part": part, ".out.part.id": record}),
			run:   func(dir string) error { return resume(dir, int64(len(part)), all[len(part):], true) },
			after: map[string]string{".out.part": all, ".out.part.id": strings.Replace(record, "17", fmt.Sprint(len(all)), 1)}, kept: resumable(all)},
		{name: "resume from before the end", before: fill(map[string]string{".out.part": part, ".out.part.id": record}),
			run: func(dir string) error { return resume(dir, 4, all[4:], false) }, after: map[string]string{"out": all}, kept: resumable(all)},
		{name: "begin again", before: fill(map[string]string{".out.part": part, ".out.part.id": strings.Replace(record, "c291", "b291", 1)}),
			run: func(dir string) error { return resume(dir, 0, all, false) }, after: map[string]string{"out": all}, kept: func(before, left map[string]string, err error) string {
				if left[".out.part.id"] == before[".out.part.id"] {
					return resumable(part)(before, left, err) // nothing has happened to it
				}
				return resumable(all)(before, left, err)
			}},
		{name: "find a partial file", before: fill(map[string]string{".out.part": part, ".out.part.id": record}), run: func(dir string) error {
			p, err := atomicfile.FindPartial(nil, filepath.Join(dir, "out"))
			if err == nil && p.Offset != 0 && (p.Offset != int64(len(part)) || p.Fingerprint != "source") {
				err = fmt.Errorf("found %+v", p)
			}
			return err
		}, after: map[string]string{".out.part": part, ".out.part.id": record}},
		{name: "remove a partial file", before: fill(map[string]string{"out": "old", ".out.part": part, ".out.part.id": record}), run: func(dir string) error {
			return atomicfile.RemovePartial(nil, filepath.Join(dir, "out"))
		}, after: old, kept: resumable(all)},
		{name: "append", before: fill(old), run: inPlace((*atomicfile.Destination).Append), after: map[string]string{"out": "oldnew"}, kept: overwritten},
		{name: "overwrite", before: fill(old), run: inPlace((*atomicfile.Destination).Overwrite), after: fresh, kept: overwritten},
		{name: "a new link", run: func(dir string) error { return atomicfile.ReplaceLink(nil, "new", filepath.Join(dir, "out")) }, after: map[string]string{"out": "-> new"}},
		{name: "a link in the place of a file", before: fill(old), run: func(dir string) error { return atomicfile.ReplaceLink(nil, "new", filepath.Join(dir, "out")) },
			after: map[string]string{"out": "-> new"}},
		{name: "a link, where a killed run left one", before: fill(map[string]string{"out": "-> old", ".out.weir-link-0": "-> killed"}),
			run: func(dir string) error { return atomicfile.ReplaceLink(nil, "new", filepath.Join(dir, "out")) }, after: map[string]string{"out": "-> new"}, kept: leftOvers},
		{name: "sweep", before: fill(map[string]string{"out": "old", ".out.weir-0": "killed"}), run: func(dir string) error {
			atomicfile.Sweep(nil, filepath.Join(dir, "out"))
			return nil
		}, after: old, kept: leftOvers},
	}
}

// inPlace is a scenario's run that changes "out" where it is.
func inPlace(open func(*atomicfile.Destination, atomicfile.Options) (*atomicfile.InPlace, error)) func(dir string) error {
	return func(dir string) (err error) {
		d, err := atomicfile.Locate(nil, filepath.Join(dir, "out"))
		if err != nil {
			return err
		}
		f, err := open(d, atomicfile.Options{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Discard()) }()
		for _, p := range []string{"n", "ew"} {
			if _, err := f.Write([]byte(p)); err != nil {
				return err
			}
		}
		if err := f.Finish(nil); err != nil {
			return err
		}
		return f.Publish()
	}
}

// overwritten: what is written in place may be left, and is said to be.
func overwritten(before, left map[string]string, err error) string {
	if len(left) != 1 || !regexp.MustCompile("old content is lost|what was appended is left").MatchString(fmt.Sprint(err)) {
		return fmt.Sprintf("%q is left, and not said to be", left["out"])
	}
	return ""
}

// leftOvers: what killed runs have left may stay.
func leftOvers(before, left map[string]string, err error) string {
	now := maps.Clone(left)
	for name, content := range left {
		if strings.Contains(name, ".weir-") {
			if before[name] != content && !strings.Contains(fmt.Sprint(err), "is left") {
				return name + " is new"
			}
			delete(now, name)
		}
	}
	if now["out"] != before["out"] && now["out"] != "new" && now["out"] != "-> new" || len(now) > 1 {
		return fmt.Sprintf("left %v", left)
	}
	if err != nil && now["out"] != before["out"] && !strings.Contains(err.Error(), "is in place") {
		return "it is in place, and the error does not say so"
	}
	return ""
}

// verdict says what is wrong after a run; "" if nothing is.
func (s *scenario) verdict(dir string, before, left map[string]string, err error) string {
	same := func(want map[string]string) bool { return maps.Equal(want, left) }
	switch {
	case err == nil && same(s.after):
		return ""
	case err == nil && s.kept != nil && s.kept(before, left, nil) == "":
		return "" // nothing has been kept, or is gone, that might
	case err == nil:
		return "it succeeded (-want +got):\n" + short(cmp.Diff(s.after, left))
	}
	said := err.Error()
	// What is in place is named by the caller, a node.
	path, named := (*fs.PathError)(nil), strings.Contains(said, dir) || strings.Contains(said, "sub/out") || strings.HasPrefix(said, "is in place")
	switch {
	case strings.HasPrefix(said, "panic"):
		return "it panicked"
	case !named:
		return "the error does not name the file"
	case !errors.As(err, &path) || path.Op == "" || strings.HasSuffix(path.Op, "at") && !strings.HasSuffix(path.Op, "stat"):
		return "the error does not name the operation"
	case strings.Contains(said, ".weir-") && !strings.Contains(said, "left"):
		return "the error has a temporary name in it"
	case same(before):
		return ""
	case maps.Equal(outs(s.after), outs(left)) && strings.Contains(said, "is in place") && (same(s.after) || strings.Contains(said, "is left") || strings.Contains(said, "may be lost")): // then the record may be needed
		return ""
	case s.kept != nil:
		return s.kept(before, left, err)
	case strings.HasPrefix(s.name, "publish another") && strings.Contains(said, "is in place, but its temporary name is left") && left["out"] == s.after["out"]:
		return "" // which is the name that it had
	case strings.Contains(said, "an empty file is left") && left["out"] == "" && len(left) == len(before)+1:
		return ""
	case strings.Contains(said, "left"): // that which could not be removed
		rest := maps.Clone(left)
		for name := range left {
			if _, was := before[name]; !was && strings.Contains(name, ".weir-") {
				delete(rest, name)
			}
		}
		if len(left)-len(rest) == 1 && (maps.Equal(rest, before) || maps.Equal(rest, s.after) && strings.Contains(said, "is in place")) {
			return ""
		}
	}
	return "neither the old nor the new is there (-old +got):\n" + short(cmp.Diff(before, left))
}

// outs are the files of a tree that are neither temporary nor partial ones.
func outs(tree map[string]string) map[string]string {
	out := maps.Clone(tree)
	maps.DeleteFunc(out, func(name, _ string) bool { return strings.HasPrefix(filepath.Base(name), ".out.") })
	return out
}

// short is s without long runs of text.
func short(s string) string {
	if len(s) > 1000 {
		s = s[:1000] + " …"
	}
	return s
}

// open lists the descriptors of this process for files in dir.
func open(dir string) (paths []string) {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, dir) {
			paths = append(paths, to)
		}
	}
	return paths
}

// access is who may do what with a file.
type access struct {
	uid, gid uint32
	mode     uint32
	acl      map[[2]uint32]uint32 // rights by tag and id; nil: none
}

// accessOf returns nil if there is no file.
func accessOf(path string) *access {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return nil
	}
	a := &access{uid: st.Uid, gid: st.Gid, mode: st.Mode & 0o777}
	if b := getXattr(path, accessACL); len(b) > 4 {
		a.acl = map[[2]uint32]uint32{}
		for b = b[4:]; len(b) >= 8; b = b[8:] { // acl(5)
			a.acl[[2]uint32{uint32(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint32(b[4:])}] = uint32(binary.LittleEndian.Uint16(b[2:]))
		}
	}
	return a
}

// rights are those of a user who is in one group.
func (a *access) rights(uid, gid uint32) uint32 {
	const none = 1<<32 - 1
	mask, masked := a.acl[[2]uint32{16, none}]
	named, is := a.acl[[2]uint32{2, uid}]
	switch {
	case uid == a.uid:
		return a.mode >> 6
	case is:
		return named & mask
	case gid == a.gid && masked:
		return a.acl[[2]uint32{4, none}] & mask
	case gid == a.gid:
		return a.mode >> 3 & 7
	}
	return a.mode & 7
}

// widens says who has a right that they did not have.
func (a *access) widens(old *access) string {
	for _, uid := range []uint32{1234, 65534, 7777} { // the owner, the one in the ACL, another one
		for _, gid := range []uint32{old.gid, a.gid, 7777} {
			if now, was := a.rights(uid, gid), old.rights(uid, gid); now&^was != 0 {
				return fmt.Sprintf("user %d in group %d had the rights %o and has %o: %+v became %+v", uid, gid, was, now, *old, *a)
			}
		}
	}
	return ""
}

// prepare makes what the scenario begins with.
func (s *scenario) prepare(dir string) error {
	if s.before != nil {
		if err := s.before(dir); err != nil {
			return err
		}
	}
	if s.needs != nil {
		return s.needs(dir)
	}
	return nil
}

// possible are the scenarios that this process can prepare here.
func possible(t *testing.T) (list []scenario) {
	t.Helper()
	for _, s := range scenarios() {
		if err := s.prepare(t.TempDir()); err == nil {
			list = append(list, s)
		} else if s.needs != nil {
			t.Logf("SKIPPED: %s: %v", s.name, err)
		} else {
			t.Fatal(err)
		}
	}
	return list
}

// try runs a scenario in a new directory below top, under faults, and reports what is wrong.
func (s *scenario) try(t *testing.T, tr *tracer, top string, faults ...fault) (calls []int, wrong string, err error) {
	t.Helper()
	dir, derr := os.MkdirTemp(top, "")
	if derr != nil {
		t.Fatal(derr)
	}
	defer os.RemoveAll(dir)
	if err := s.prepare(dir); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	old := accessOf(filepath.Join(dir, "out"))
	calls, err = tr.run(func() error { return s.run(dir) }, append(slices.Clone(s.always), faults...)...)
	if old == nil { // what reserves a name may not be read
		_ = os.Chmod(filepath.Join(dir, "out"), 0o600)
	}
	left := tree(t, dir)
	if len(faults) > 1 { // the record could be written neither, nor its temporary file be removed; the next record does that
		maps.DeleteFunc(left, func(name, _ string) bool { return strings.HasPrefix(name, "..out.part.id.weir-") })
	}
	wrong = s.verdict(dir, before, left, err)
	if fds := open(dir); wrong == "" && len(fds) > 0 {
		wrong = fmt.Sprintf("open files are left: %q", fds)
	}
	if now := accessOf(filepath.Join(dir, "out")); wrong == "" && old != nil && now != nil {
		wrong = now.widens(old)
	}
	return calls, wrong, err
}

// Each system call of each scenario fails once, in each of the ways in which it can, and in the first of them also together
// with all later ones. The file is the old one or the new one, nothing else is left, and the error says what failed, on
// what.
func TestEverySystemCallFails(t *testing.T) {
	tr := newTracer(t)
	top := t.TempDir()
	runs := 0
	for i, s := range possible(t) {
		if testing.Short() && i%4 != 2 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			calls, wrong, err := s.try(t, tr, top)
			if err != nil || wrong != "" {
				t.Fatalf("without any fault: %v; %s", err, wrong)
			}
			if len(calls) == 0 {
				t.Fatal("no system calls were seen")
			}
			said := map[string]bool{}
			for at, nr := range calls {
				for i, errno := range watchedCalls[nr].fails {
					for _, stays := range []bool{false, true} {
						if i > 0 && (stays || testing.Short()) || stays && testing.Short() {
							continue
						}
						f := fault{at, nr, errno, stays}
						runs++
						if _, wrong, err := s.try(t, tr, top, f); wrong != "" && !said[fmt.Sprint(nr, errno, wrong)] {
							said[fmt.Sprint(nr, errno, wrong)] = true
							t.Errorf("%v: error %v: %s", f, err, wrong)
						}
					}
				}
			}
		})
	}
	t.Logf("%d runs", runs)
}

// What a run has left is found, or it is an error: a caller that took it for nothing would overwrite it.
func TestFindPartialFails(t *testing.T) {
	tr := newTracer(t)
	dir := t.TempDir()
	if err := resume(dir, 0, "the first bytes", true); err != nil {
		t.Fatal(err)
	}
	var found atomicfile.Partial
	find := func() (err error) {
		found, err = atomicfile.FindPartial(nil, filepath.Join(dir, "out"))
		return err
	}
	calls, err := tr.run(find)
	if err != nil || found.Offset != 15 {
		t.Fatalf("%v, %+v", err, found)
	}
	for at, nr := range calls {
		for _, errno := range []unix.Errno{unix.EIO, unix.EMFILE} {
			if _, err := tr.run(find, fault{at, nr, errno, false}); err == nil && found.Offset != 15 {
				t.Errorf("%v: it was not found", fault{at, nr, errno, false})
			}
		}
	}
}

// A call that a signal interrupts is made again.
func TestEverySystemCallIsInterrupted(t *testing.T) {
	testenv.Long(t)
	tr := newTracer(t)
	top := t.TempDir()
	for _, s := range possible(t) {
		t.Run(s.name, func(t *testing.T) {
			calls, _, _ := s.try(t, tr, top)
			for at, nr := range calls {
				switch nr {
				case unix.SYS_CLOSE, unix.SYS_FCNTL, unix.SYS_LSEEK, unix.SYS_IOCTL: // which are not interrupted, or must not be made again
					continue
				}
				f := fault{at, nr, unix.EINTR, false}
				if _, wrong, err := s.try(t, tr, top, f); err != nil || wrong != "" {
					t.Errorf("%v: %v; %s", f, err, wrong)
				}
			}
		})
	}
}

// Two calls fail.
func TestTwoSystemCallsFail(t *testing.T) {
	if *faultTime == 0 {
		t.Skip("NOT RUN: -faults says how long")
	}
	tr := newTracer(t)
	top := t.TempDir()
	all := possible(t)
	calls := make([][]int, len(all))
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	runs := 0
	for end := time.Now().Add(*faultTime); time.Now().Before(end); runs++ {
		i := rnd.IntN(len(all))
		s := &all[i]
		if calls[i] == nil {
			calls[i], _, _ = s.try(t, tr, top)
		}
		one := func() fault {
			at := rnd.IntN(len(calls[i]))
			fails := watchedCalls[calls[i][at]].fails
			return fault{at, calls[i][at], fails[rnd.IntN(len(fails))], rnd.IntN(2) == 0}
		}
		a, b := one(), one()
		later, _, err := s.try(t, tr, top, a)
		if rnd.IntN(2) == 0 && len(later) > 0 && err == nil { // one of those that the first made necessary
			b.at = rnd.IntN(len(later))
			b.nr = later[b.at]
			b.errno = watchedCalls[b.nr].fails[rnd.IntN(len(watchedCalls[b.nr].fails))]
		}
		if _, wrong, err := s.try(t, tr, top, a, b); wrong != "" {
			t.Errorf("%s: %v, and %v: error %v: %s", s.name, a, b, err, wrong)
		}
	}
	t.Logf("%d pairs", runs)
}
