package fusetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// An Op is what a file system is asked to do.
type Op string

const (
	Create     Op = "create" // a regular file that did not exist
	Symlink    Op = "symlink"
	Link       Op = "link"
	Rename     Op = "rename"     // with any flags
	RenameNew  Op = "rename new" // with RENAME_NOREPLACE
	Unlink     Op = "unlink"
	Read       Op = "read"
	Write      Op = "write"
	Chmod      Op = "chmod"
	Chown      Op = "chown"
	Utimes     Op = "utimes"
	Truncate   Op = "truncate"
	Fallocate  Op = "fallocate"
	Flock      Op = "flock"
	Fsync      Op = "fsync" // a file
	FsyncDir   Op = "fsync directory"
	SetXattr   Op = "setxattr"
	EveryXattr Op = "xattr" // get, set, list and remove
)

// Options are what a file system is like. The zero Options are those of a file system that does what the one
// below it does.
type Options struct {
	// Fail, if not nil, is asked before every operation on the entry called name. What it returns is the
	// operation's error; 0 lets it happen. The call of a rename or a link has the new name. It may be called
	// by several goroutines at once.
	Fail func(op Op, name string) syscall.Errno

	// Size, if not nil, returns what the size of the regular file called name is said to be, when it is size. All
	// reads are then answered by the file system (direct_io), also those behind that size.
	Size func(name string, size uint64) uint64

	// NameMax is how long a name may be, in bytes; 0 is what the file system below says.
	NameMax int
}

// Refuse is an [Options.Fail] that answers some operations with an error.
func Refuse(errno syscall.Errno, ops ...Op) func(Op, string) syscall.Errno {
	refused := make(map[Op]bool)
	for _, op := range ops {
		refused[op] = true
	}
	return func(op Op, _ string) syscall.Errno {
		if refused[op] {
			return errno
		}
		return 0
	}
}

// Mount mounts a file system for the time of a test and returns its directory, and the one below it that has the
// files. It skips the test where nothing can be mounted.
func Mount(t testing.TB, opts Options) (dir, below string) {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("there is no /dev/fuse here")
	}
	if _, err := exec.LookPath("fusermount3"); err != nil && os.Geteuid() != 0 {
		t.Skip("mounting needs root, or fusermount3")
	}
	base := t.TempDir()
	dir, below = filepath.Join(base, "mounted"), filepath.Join(base, "below")
	for _, d := range []string{dir, below} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := fs.NewLoopbackRoot(below)
	if err != nil {
		t.Fatal(err)
	}
	root := &node{LoopbackNode: plain.(*fs.LoopbackNode), opts: &opts}
	root.RootData.RootNode = root
	var nothing time.Duration // is remembered, so that what happens below is seen
	server, err := fs.Mount(dir, root, &fs.Options{
		EntryTimeout: &nothing, AttrTimeout: &nothing, NullPermissions: true,
		MountOptions: fuse.MountOptions{
			DirectMount: true, EnableLocks: true, FsName: "fusetest", Name: "fusetest",
			Options: []string{"default_permissions"}, AllowOther: os.Geteuid() == 0,
		},
	})
	if err != nil {
		t.Skipf("no FUSE file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	})
	return dir, below
}
