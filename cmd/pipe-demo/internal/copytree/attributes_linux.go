package copytree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/atomicfile"
)

const accessACL, defaultACL = "system.posix_acl_access", "system.posix_acl_default"

// attributes are what a file or a directory has beside its mode, its times and its owner: its ACLs, and what users have attached to it.
type attributes struct {
	acl    []byte // nil if there is none
	others []attribute
	group  uint32 // that the ACL means
	err    error  // why they are not known
}

type attribute struct {
	name  string
	value []byte
}

func unknownAttributes(err error) attributes { return attributes{err: err} }

// attributesOf reads the attributes of an open file or directory. Only the ACL is read if all is not set.
func attributesOf(f *os.File, all bool) (a attributes) {
	fd := int(f.Fd())
	var st unix.Stat_t
	if a.err = unix.Fstat(fd, &st); a.err != nil {
		return a
	}
	a.group = st.Gid
	names := []string{accessACL}
	if all {
		list, err := grow(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			a.err = err
			return a
		}
		names = strings.Split(string(list), "\x00")
	}
	for _, name := range names {
		if name != accessACL && name != defaultACL && !strings.HasPrefix(name, "user.") {
			continue
		}
		value, err := grow(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		switch {
		case errors.Is(err, unix.ENODATA), errors.Is(err, errors.ErrUnsupported):
		case err != nil:
			a.err = err
		case name == accessACL:
			a.acl = value
		default:
			a.others = append(a.others, attribute{name, value})
		}
	}
	return a
}

// grow calls a system call with a larger buffer until the answer fits.
func grow(call func([]byte) (int, error)) (b []byte, err error) {
	for size := 256; size <= 128<<10; size *= 4 { // 64 KiB is the largest answer
		b = make([]byte, size)
		n, err := call(b)
		if !errors.Is(err, unix.ERANGE) {
			return b[:max(n, 0)], err
		}
	}
	return nil, unix.E2BIG
}

// narrow is the mode of a copy that does not have the ACL, in which the bits of the group are a mask.
func (a attributes) narrow(mode fs.FileMode) fs.FileMode {
	switch {
	case a.err != nil:
		return mode &^ 0o070
	case a.acl != nil:
		return mode & (fs.ModeType | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky | atomicfile.ModeOfACL(a.acl))
	}
	return mode
}

// dropInherited takes from a new directory the ACLs that it has from the one it is in.
func dropInherited(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	for _, name := range []string{accessACL, defaultACL} {
		if _, err := unix.Fgetxattr(int(f.Fd()), name, nil); err != nil {
			continue // there is none
		}
		if err := unix.Fremovexattr(int(f.Fd()), name); err != nil {
			return fmt.Errorf("the ACL that it has from its directory cannot be removed: %w", err)
		}
	}
	return nil
}

// give gives a copy, whose owner and mode are set, the attributes, and returns what it could not give.
func (a attributes) give(f *os.File) (lost []error) {
	if a.err != nil {
		return []error{fmt.Errorf("its ACL and extended attributes cannot be read: %w", a.err)}
	}
	if a.acl == nil && a.others == nil {
		return nil
	}
	fd := int(f.Fd())
	for _, x := range a.others {
		if err := unix.Fsetxattr(fd, x.name, x.value, 0); err != nil {
			lost = append(lost, fmt.Errorf("its attribute %s cannot be kept: %w", x.name, err))
		}
	}
	if a.acl == nil {
		return lost
	}
	acl := a.acl
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && st.Gid != a.group { // what it says of the group is not about this one
		acl = atomicfile.ACLWithoutGroup(acl)
	}
	if err == nil {
		err = unix.Fsetxattr(fd, accessACL, acl, 0)
	}
	if err != nil {
		lost = append(lost, fmt.Errorf("its ACL cannot be kept, and its mode is narrower: %w", err))
	}
	return lost
}
