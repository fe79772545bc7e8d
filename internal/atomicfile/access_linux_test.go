package atomicfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fusetest"
)

const accessACL, defaultACL = "system.posix_acl_access", "system.posix_acl_default"

// anACL is an ACL in which the group has no right, although the mode of its file seems to say so.
func anACL() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	const none = 1<<32 - 1
	entries := [][3]uint32{{1, 6, none}, {2, 6, 65534}, {4, 0, none}, {16, 6, none}, {32, 0, none}}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return b
}

// setXattr skips the test where there are no such attributes.
func setXattr(t *testing.T, path, name string, value []byte) {
	t.Helper()
	if err := unix.Lsetxattr(path, name, value, 0); errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EPERM) {
		t.Skipf("%s cannot be set here: %v", name, err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// getXattr returns nil if there is none.
func getXattr(path, name string) []byte {
	b := make([]byte, 1000)
	n, err := unix.Lgetxattr(path, name, b)
	if err != nil {
		return nil
	}
	return b[:n]
}

func modeOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().String()
}

func TestReplacingKeepsTheACL(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, "old")
	setXattr(t, name, accessACL, anACL())
	mode := modeOf(t, name)
	for _, opts := range []atomicfile.Options{{}, {Mode: 0o666}} {
		if err := atomicfile.WriteFile(nil, name, []byte("new"), opts); err != nil {
			t.Fatal(err)
		}
		if got := getXattr(name, accessACL); !bytes.Equal(got, anACL()) || modeOf(t, name) != mode {
			t.Errorf("%+v: the ACL is %x, the mode %s; want %x and %s", opts, got, modeOf(t, name), anACL(), mode)
		}
	}
	exact := atomicfile.Options{Mode: 0o640, Owner: &atomicfile.Owner{UID: -1, GID: -1}}
	if err := atomicfile.WriteFile(nil, name, []byte("new"), exact); err != nil {
		t.Fatal(err)
	}
	if got := getXattr(name, accessACL); got != nil || modeOf(t, name) != "-rw-r-----" {
		t.Errorf("%+v: the ACL is %x, the mode %s", exact, got, modeOf(t, name))
	}
}

// The partial file of an interrupted run, too, lets in only whom the old file lets in.
func TestResumingKeepsTheACL(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, "old")
	setXattr(t, name, accessACL, anACL())
	d, err := atomicfile.Locate(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Resume("a", 0, atomicfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if mode := modeOf(t, filepath.Join(filepath.Dir(name), ".out.part")); mode != "-rw-------" {
		t.Errorf("the partial file has the mode %s", mode)
	}
	if err := f.Finish(nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	if got := getXattr(name, accessACL); !bytes.Equal(got, anACL()) {
		t.Errorf("the ACL is %x", got)
	}
}

// A partial file that everybody may read is taken from them when it gets the content of a file that they may not read.
func TestResumingWhatOthersMayRead(t *testing.T) {
	dir := t.TempDir()
	name, partial := filepath.Join(dir, "out"), filepath.Join(dir, ".out.part")
	for _, old := range []bool{true, false} {
		write(t, partial, "")
		if err := os.Chmod(partial, 0o644); err != nil {
			t.Fatal(err)
		}
		opts := atomicfile.Options{Mode: 0o600}
		if old {
			write(t, name, "old")
			if err := os.Chmod(name, 0o600); err != nil {
				t.Fatal(err)
			}
			opts.Mode = 0
		}
		d, err := atomicfile.Locate(nil, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Resume("a", 0, opts)
		if err != nil {
			t.Fatal(err)
		}
		if mode := modeOf(t, partial); mode != "-rw-------" {
			t.Errorf("old=%t: the partial file has the mode %s", old, mode)
		}
		if err := f.Discard(); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(name)
	}
}

// The partial file of a file that nobody may write to can be written to by the next run.
func TestResumingAFileWithoutTheRightToWrite(t *testing.T) {
	for _, mode := range []os.FileMode{0o444, 0o400, 0o644, 0o070} {
		name := filepath.Join(t.TempDir(), "out")
		direct := name + ".direct"
		if err := os.WriteFile(direct, nil, mode); err != nil {
			t.Fatal(err)
		}
		for _, last := range []bool{false, true} {
			d, err := atomicfile.Locate(nil, name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := atomicfile.FindPartial(nil, name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := d.Resume("a", p.Offset, atomicfile.Options{Mode: mode})
			if err != nil {
				t.Fatalf("%v: %v", mode, err)
			}
			if _, err := f.Write([]byte("new")); err != nil {
				t.Fatal(err)
			}
			if !last {
				if err := f.Discard(); err != nil {
					t.Fatal(err)
				}
				if info, err := os.Stat(filepath.Join(filepath.Dir(name), ".out.part")); err != nil || info.Mode()&0o600 != 0o600 {
					t.Errorf("%v: the partial file has the mode %v, %v", mode, info.Mode(), err)
				}
				continue
			}
			if err := f.Finish(nil); err != nil {
				t.Fatal(err)
			}
			if err := f.Publish(); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := modeOf(t, name), modeOf(t, direct); got != want {
			t.Errorf("the mode is %s, want %s", got, want)
		}
	}
}

// Where an ACL cannot be set, nobody gets a right that the ACL did not give.
func TestReplacingWithoutTheACL(t *testing.T) {
	dir, _ := fusetest.Mount(t, fusetest.Options{Fail: func(op fusetest.Op, name string) syscall.Errno {
		if op == fusetest.SetXattr && strings.HasPrefix(name, ".") {
			return syscall.EOPNOTSUPP
		}
		return 0
	}})
	name := filepath.Join(dir, "out")
	write(t, name, "old")
	setXattr(t, name, accessACL, anACL())
	if mode := modeOf(t, name); mode != "-rw-rw----" {
		t.Fatalf("the old file has the mode %s", mode)
	}
	if err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := getXattr(name, accessACL); got != nil || modeOf(t, name) != "-rw-------" {
		t.Errorf("the ACL is %x, the mode %s", got, modeOf(t, name))
	}
}

// An old file without an ACL does not get the one that its directory gives to new files.
func TestReplacingInADirectoryWithADefaultACL(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	write(t, name, "old")
	if err := os.Chmod(name, 0o664); err != nil {
		t.Fatal(err)
	}
	setXattr(t, dir, defaultACL, anACL())
	if err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := getXattr(name, accessACL); got != nil || modeOf(t, name) != "-rw-rw-r--" {
		t.Errorf("the ACL is %x, the mode %s", got, modeOf(t, name))
	}
}

// A new file has the ACL and the mode that it would have if it were made under its own name.
func TestNewFileInADirectoryWithADefaultACL(t *testing.T) {
	dir := t.TempDir()
	setXattr(t, dir, defaultACL, anACL())
	direct, name := filepath.Join(dir, "direct"), filepath.Join(dir, "out")
	write(t, direct, "new")
	for _, createOnly := range []bool{true, false} {
		if err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{CreateOnly: createOnly}); err != nil {
			t.Fatal(err)
		}
		if want, got := getXattr(direct, accessACL), getXattr(name, accessACL); want == nil || !bytes.Equal(want, got) || modeOf(t, direct) != modeOf(t, name) {
			t.Errorf("the ACL is %x, the mode %s; want %x and %s", got, modeOf(t, name), want, modeOf(t, direct))
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// What the old content was trusted with does not go over to the new one.
func TestReplacingLosesWhatWasSaidOfTheContent(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, "old")
	setXattr(t, name, "user.checksum", []byte("of the old content"))
	capability := binary.LittleEndian.AppendUint32(nil, 0x02000000)
	capability = append(capability, make([]byte, 16)...)
	capability[5] = 0x04 // CAP_NET_BIND_SERVICE
	if os.Geteuid() == 0 {
		setXattr(t, name, "security.capability", capability)
		if err := os.Chmod(name, 0o755|os.ModeSetuid); err != nil {
			t.Fatal(err)
		}
	}
	if err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{}); err != nil {
		t.Fatal(err)
	}
	if c, u := getXattr(name, "security.capability"), getXattr(name, "user.checksum"); c != nil || u != nil {
		t.Errorf("security.capability is %x, user.checksum %q", c, u)
	}
	if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeSetuid != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A file that may be neither replaced nor written over is a matter of permission, and found beforehand.
func TestReplacingAnImmutableFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, "old")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for flag, want := range map[int]string{unix.STATX_ATTR_IMMUTABLE: "the file is immutable (chattr +i)", unix.STATX_ATTR_APPEND: "the file is append-only (chattr +a)"} {
		// The flags of FS_IOC_SETFLAGS have the values of the attributes.
		if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flag); err != nil {
			t.Skipf("files have no such flag here: %v", err)
		}
		err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{})
		if cerr := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0); cerr != nil {
			t.Fatal(cerr)
		}
		if !errors.Is(err, os.ErrPermission) || err.Error() != "open "+name+": "+want+": permission denied" {
			t.Errorf("got %v", err)
		}
		wantTree(t, filepath.Dir(name), map[string]string{"out": "old"})
	}
}
