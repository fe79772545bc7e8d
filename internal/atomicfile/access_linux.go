package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An access is what decides, beside owner and mode, who may use a file: its ACL and its security label. Of the
// extended attributes, only these go over to the file that replaces it. The others speak of the old content
// (user.*), or of content that was trusted (security.capability, which the kernel takes from a file that is
// written to, and security.ima).
type access struct {
	acl     posixACL
	others  []xattr // ACLs of other kinds, whose content is not understood here
	labels  []xattr
	unknown bool // the attributes cannot be read
}

type xattr struct {
	name  string
	value []byte
}

const accessACL, defaultACL = "system.posix_acl_access", "system.posix_acl_default"

// access reads what decides who may use the file called name.
func (d *dir) access(name string) (a access) {
	// Of the calls for extended attributes, none takes a directory, and the others follow links or want a file that
	// may be read.
	path := "/proc/self/fd/" + strconv.Itoa(d.fd) + "/" + name
	list := func(b []byte) (int, error) { return unix.Llistxattr(path, b) }
	get := func(name string) ([]byte, error) {
		return grow(func(b []byte) (int, error) { return unix.Lgetxattr(path, name, b) })
	}
	names, err := grow(list)
	if errors.Is(err, fs.ErrNotExist) { // there is no /proc
		f, oerr := d.open(name, os.O_RDONLY|nonblock, 0, name)
		if oerr != nil {
			return access{unknown: true}
		}
		defer f.Close()
		fd := int(f.Fd())
		names, err = grow(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
		get = func(name string) ([]byte, error) {
			return grow(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		}
	}
	if err != nil {
		return access{unknown: !none(err)}
	}
	for name := range strings.SplitSeq(string(names), "\x00") {
		foreign := strings.HasPrefix(name, "system.") && name != defaultACL && (strings.Contains(name, "acl") || strings.Contains(name, "security"))
		label := slices.Contains([]string{"security.selinux", "security.SMACK64", "security.NTACL"}, name)
		if !foreign && !label {
			continue
		}
		value, err := get(name)
		switch {
		case errors.Is(err, unix.ENODATA), label && err != nil:
		case err != nil:
			a.unknown = true
		case label:
			a.labels = append(a.labels, xattr{name, value})
		case name == accessACL:
			a.acl = value
		default:
			a.others = append(a.others, xattr{name, value})
		}
	}
	return a
}

// grow calls a system call with a larger buffer until the answer fits.
func grow(call func([]byte) (int, error)) (b []byte, err error) {
	for size := 256; size <= 128<<10; size *= 4 { // 64 KiB is the largest answer
		b = make([]byte, size)
		var n int
		err = again(func() error {
			n, err = call(b)
			return err
		})
		if !errors.Is(err, unix.ERANGE) {
			return b[:max(n, 0)], err
		}
	}
	return nil, err
}

// plain reports whether the mode says all about who may use the file.
func (a access) plain() bool { return a.acl == nil && a.others == nil && !a.unknown }

// give makes f, whose owner is set, as accessible as the old file with its mode, or less where that cannot be done. It
// returns the mode that f is to have. group says whether f has the old group.
func (a access) give(f *os.File, mode fs.FileMode, group bool) fs.FileMode {
	if !group && a.acl == nil {
		mode = withoutGroup(mode)
	}
	if a.unknown {
		mode &^= 0o070
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return mode & 0o700
	}
	set := func(fd uintptr, x xattr) bool {
		return again(func() error { return unix.Fsetxattr(int(fd), x.name, x.value, 0) }) == nil
	}
	err = conn.Control(func(fd uintptr) {
		for _, x := range a.labels { // what the policy gives a new file is right as well
			set(fd, x)
		}
		switch acl, is := a.acl.entries(); {
		case a.acl == nil: // but f may have one from the directory
			_, err := unix.Fgetxattr(int(fd), accessACL, nil)
			if !none(err) && unix.Fremovexattr(int(fd), accessACL) != nil {
				mode &^= 0o070
			}
		case !is:
			mode &= 0o700
		default:
			if !group {
				acl.loseGroup()
			}
			if set(fd, xattr{accessACL, acl.bytes()}) {
				mode = mode&0o770 | acl.others()
			} else {
				mode &= acl.mode()
			}
		}
		for _, x := range a.others {
			if !set(fd, x) {
				mode &= 0o700
			}
		}
	})
	if err != nil {
		return mode & 0o700
	}
	return mode
}

// hasDefaultACL reports whether new files in d may get an ACL.
func (d *dir) hasDefaultACL() bool {
	_, err := unix.Fgetxattr(d.fd, defaultACL, nil)
	return !none(err)
}

// none reports whether an error says that a file has no such attribute. That the system call is not known (ENOSYS), as
// in a sandbox, does not say so.
func none(err error) bool { return errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) }
