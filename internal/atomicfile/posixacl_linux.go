package atomicfile

import (
	"encoding/binary"
	"io/fs"
)

// A posixACL is the value of an extended attribute: a version and entries, all in little endian (linux/posix_acl_xattr.h).
type posixACL []byte

const (
	aclVersion = 2
	aclUser    = 0x02 // of one user
	aclGroup   = 0x04 // the file's
	aclNamed   = 0x08 // of one group
	aclMask    = 0x10 // what users and groups have at most
	aclOther   = 0x20
	aclOwner   = 0x01
)

type aclEntry struct {
	Tag, Perm uint16
	ID        uint32
}

type aclEntries []aclEntry

// entries are those of the ACL; is is false if it is none that is known.
func (p posixACL) entries() (list aclEntries, is bool) {
	if len(p) < 4 || binary.LittleEndian.Uint32(p) != aclVersion || len(p)%8 != 4 {
		return nil, false
	}
	for p = p[4:]; len(p) > 0; p = p[8:] {
		list = append(list, aclEntry{binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:]), binary.LittleEndian.Uint32(p[4:])})
	}
	return list, true
}

func (l aclEntries) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range l {
		b = binary.LittleEndian.AppendUint16(b, e.Tag)
		b = binary.LittleEndian.AppendUint16(b, e.Perm)
		b = binary.LittleEndian.AppendUint32(b, e.ID)
	}
	return b
}

// perm is what all entries with a tag permit; all bits if there is none.
func (l aclEntries) perm(tag uint16) uint16 {
	perm := uint16(0o7)
	for _, e := range l {
		if e.Tag == tag {
			perm &= e.Perm
		}
	}
	return perm
}

func (l aclEntries) others() fs.FileMode { return fs.FileMode(l.perm(aclOther)) }

// mode is the widest mode that gives nobody more than the ACL does. Whom an entry names may be in the file's group, or
// be one of the others, once there is no ACL.
func (l aclEntries) mode() fs.FileMode {
	mask := l.perm(aclMask)
	users, groups := l.perm(aclUser), l.perm(aclNamed)
	group := l.perm(aclGroup) & mask & users
	other := l.perm(aclOther) & users & groups
	for _, e := range l {
		if e.Tag == aclUser || e.Tag == aclNamed {
			other &= mask
		}
	}
	return fs.FileMode(l.perm(aclOwner)<<6 | group<<3 | other)
}

// ModeOfACL is the widest mode of a file that gives nobody more than a POSIX ACL does: the value of the extended
// attribute system.posix_acl_access. For an ACL of an unknown kind it is 0700.
func ModeOfACL(acl []byte) fs.FileMode {
	list, is := posixACL(acl).entries()
	if !is {
		return 0o700
	}
	return list.mode()
}

// ACLWithoutGroup returns the ACL for a file that has lost its group.
func ACLWithoutGroup(acl []byte) []byte {
	list, is := posixACL(acl).entries()
	if !is {
		return acl
	}
	list.loseGroup()
	return list.bytes()
}

// loseGroup is what withoutGroup is for a mode.
func (l aclEntries) loseGroup() {
	both := l.perm(aclGroup) & l.perm(aclMask) & l.perm(aclOther)
	for i, e := range l {
		if e.Tag == aclGroup || e.Tag == aclOther {
			l[i].Perm = both
		}
	}
}
