package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/fusetest"
)

// The group bits of a file with an ACL are a mask. A copy has the ACL, or gives nobody more.
func TestCopyOfAnACL(t *testing.T) {
	t.Parallel()
	refusing, _ := fusetest.Mount(t, fusetest.Options{Fail: fusetest.Refuse(syscall.EOPNOTSUPP, fusetest.SetXattr)})
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o770); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tree, "file")
	writeFile(t, file, "secret", 0o600)
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	const nobody = 1<<32 - 1
	for _, e := range [][3]uint32{{1, 7, nobody}, {2, 6, 65534}, {4, 0, nobody}, {16, 6, nobody}, {32, 0, nobody}} {
		acl = binary.LittleEndian.AppendUint16(acl, uint16(e[0]))
		acl = binary.LittleEndian.AppendUint16(acl, uint16(e[1]))
		acl = binary.LittleEndian.AppendUint32(acl, e[2])
	}
	for _, x := range []struct {
		path, name string
		value      []byte
	}{
		{tree, "system.posix_acl_access", acl}, {tree, "user.note", []byte("of the tree")},
		{file, "system.posix_acl_access", acl}, {file, "user.note", []byte("of the file")}, {file, "user.large", make([]byte, 3000)},
	} {
		if err := unix.Lsetxattr(x.path, x.name, x.value, 0); err != nil {
			t.Skipf("%s cannot be set here: %v", x.name, err)
		}
	}
	get := func(path, name string) []byte {
		b := make([]byte, 4000)
		n, err := unix.Lgetxattr(path, name, b)
		if err != nil {
			return nil
		}
		return b[:n]
	}
	for _, test := range []struct {
		args  string
		copy  string // of the file
		dir   string // of the directory, if it is copied
		kept  bool
		warns int
	}{
		{"cp tree/file plain", "plain", "", false, 0},
		{"cp -p tree/file preserved", "preserved", "", true, 0},
		{"cp -p --resume tree/file resumed", "resumed", "", true, 0},
		{"cp -p --verify tree/file verified", "verified", "", true, 0},
		{"cp -r tree plain-tree", "plain-tree/file", "plain-tree", false, 0},
		{"cp -rp tree preserved-tree", "preserved-tree/file", "preserved-tree", true, 0},
		{"cp -rp --fsync none tree unsynced-tree", "unsynced-tree/file", "unsynced-tree", true, 0},
		{"cp -p tree/file REFUSING/file", "REFUSING/file", "", false, 3},
		{"cp -rp tree REFUSING/tree", "REFUSING/tree/file", "REFUSING/tree", false, 5},
	} {
		cmd := exec.Command("pipe-demo", strings.Fields(strings.ReplaceAll(test.args, "REFUSING", refusing))...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || bytes.Count(out, []byte("cannot be kept")) != test.warns {
			t.Errorf("%s: %v, want %d warnings: %s", test.args, err, test.warns, out)
		}
		for _, c := range []struct {
			path, mode, note string
		}{{test.copy, "-rwx------", "of the file"}, {test.dir, "drwx------", "of the tree"}} {
			if c.path == "" {
				continue
			}
			path := strings.ReplaceAll(c.path, "REFUSING", refusing)
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			got, note := get(path, "system.posix_acl_access"), string(get(path, "user.note"))
			if test.kept && (!bytes.Equal(got, acl) || note != c.note) || !test.kept && (got != nil || note != "" || info.Mode().String() != c.mode) {
				t.Errorf("%s: %s: the mode is %v, the ACL %x, the note %q", test.args, c.path, info.Mode(), got, note)
			}
		}
	}
}

// What a directory gives to all that is made in it is not what the source has.
func TestPreserveDoesNotInheritAnACL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	into := filepath.Join(dir, "into")
	for _, name := range []string{into, filepath.Join(dir, "tree"), filepath.Join(dir, "tree", "inner")} {
		if err := os.Mkdir(name, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(dir, "tree", "inner", "file"), "secret", 0o640)
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]uint32{{1, 7, 1<<32 - 1}, {2, 7, 65534}, {4, 5, 1<<32 - 1}, {16, 7, 1<<32 - 1}, {32, 0, 1<<32 - 1}} {
		acl = binary.LittleEndian.AppendUint16(acl, uint16(e[0]))
		acl = binary.LittleEndian.AppendUint16(acl, uint16(e[1]))
		acl = binary.LittleEndian.AppendUint32(acl, e[2])
	}
	if err := unix.Lsetxattr(into, "system.posix_acl_default", acl, 0); err != nil {
		t.Skipf("an ACL cannot be set here: %v", err)
	}
	for _, args := range []string{"cp -rp tree into/a", "cp -rp --fsync none tree into/b", "cp -rp --verify --resume tree into/c", "cp -p tree/inner/file into/d"} {
		cmd := exec.Command("pipe-demo", strings.Fields(args)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	err := filepath.WalkDir(into, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == into {
			return err
		}
		want := os.FileMode(0o750)
		if !e.IsDir() {
			want = 0o640
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
			if n, err := unix.Lgetxattr(path, name, make([]byte, 100)); err == nil {
				t.Errorf("%s has a %s of %d bytes", path, name, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A file that nobody may use has a copy that nobody may use.
func TestCopyOfAFileWithoutRights(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can read such a file")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "tree", "file"), "secret", 0)
	for _, args := range []string{"cp tree/file a", "cp -p tree/file a2", "cp --resume tree/file a3", "cp -r tree/. .", "cp -rpf tree/. ."} {
		cmd := exec.Command("pipe-demo", strings.Fields(args)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	for _, name := range []string{"a", "a2", "a3", "file"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
