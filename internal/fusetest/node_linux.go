package fusetest

import (
	"context"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// A node is a file or a directory. It asks Options.Fail before it does what the one below it does.
type node struct {
	*fs.LoopbackNode
	opts *Options
}

func (n *node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{LoopbackNode: child.(*fs.LoopbackNode), opts: n.opts}
}

// fail is what an operation on an entry fails with.
func (n *node) fail(name string, ops ...Op) syscall.Errno {
	if n.opts.NameMax > 0 && len(name) > n.opts.NameMax {
		return syscall.ENAMETOOLONG
	}
	if n.opts.Fail == nil {
		return 0
	}
	for _, op := range ops {
		if errno := n.opts.Fail(op, name); errno != 0 {
			return errno
		}
	}
	return 0
}

// name is the node's own.
func (n *node) name() string { return filepath.Base(n.Path(n.Root())) }

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	errno := n.LoopbackNode.Statfs(ctx, out)
	if n.opts.NameMax > 0 {
		out.NameLen = uint32(n.opts.NameMax)
	}
	return errno
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.fail(name); errno != 0 {
		return nil, errno
	}
	child, errno := n.LoopbackNode.Lookup(ctx, name, out)
	n.say(name, &out.Attr)
	return child, errno
}

func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.fail(name, Create); errno != 0 {
		return nil, nil, 0, errno
	}
	child, f, flags, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	n.say(name, &out.Attr)
	return child, file{f.(*fs.LoopbackFile)}, flags | n.openFlags(), 0
}

func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	f, flags, errno := n.LoopbackNode.Open(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return file{f.(*fs.LoopbackFile)}, flags | n.openFlags(), 0
}

func (n *node) openFlags() uint32 {
	if n.opts.Size != nil {
		return fuse.FOPEN_DIRECT_IO
	}
	return 0
}

func (n *node) Getattr(ctx context.Context, f fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	errno := n.LoopbackNode.Getattr(ctx, f, out)
	n.say(n.name(), &out.Attr)
	return errno
}

// say makes the attributes of a file what the options say.
func (n *node) say(name string, a *fuse.Attr) {
	if n.opts.Size != nil && a.Mode&syscall.S_IFMT == syscall.S_IFREG {
		a.Size = n.opts.Size(name, a.Size)
		a.Blocks = (a.Size + 511) / 512
	}
}

func (n *node) Read(ctx context.Context, f fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if errno := n.fail(n.name(), Read); errno != 0 {
		return nil, errno
	}
	return f.(file).Read(ctx, dest, off)
}

// A file is open. The kernel does not read and write the one below it by itself, so that all calls come here.
type file struct{ *fs.LoopbackFile }

func (file) PassthroughFd() (int, bool) { return 0, false }

func (n *node) CopyFileRange(ctx context.Context, in fs.FileHandle, offIn uint64, out *fs.Inode, to fs.FileHandle, offOut, size, flags uint64) (uint32, syscall.Errno) {
	if errno := n.fail(filepath.Base(out.Path(n.Root())), Write); errno != 0 {
		return 0, errno
	}
	return n.LoopbackNode.CopyFileRange(ctx, in.(file).LoopbackFile, offIn, out, to.(file).LoopbackFile, offOut, size, flags)
}

// A directory is open.
type directory struct {
	fs.FileReaddirenter
	fs.FileReleasedirer
	fs.FileSeekdirer
	node *node
}

func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	d, flags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return directory{d.(fs.FileReaddirenter), d.(fs.FileReleasedirer), d.(fs.FileSeekdirer), n}, flags, 0
}

func (d directory) Fsyncdir(context.Context, uint32) syscall.Errno {
	return d.node.fail(d.node.name(), FsyncDir)
}

func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.fail(name, Symlink); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Symlink(ctx, target, name, out)
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.fail(name, Link); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Link(ctx, target.(*node).LoopbackNode, name, out)
}

func (n *node) Rename(ctx context.Context, name string, parent fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	ops := []Op{Rename}
	if flags&unix.RENAME_NOREPLACE != 0 {
		ops = append(ops, RenameNew)
	}
	if errno := n.fail(to, ops...); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rename(ctx, name, parent.(*node).LoopbackNode, to, flags)
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	if errno := n.fail(name, Unlink); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Unlink(ctx, name)
}

func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	var ops []Op
	for _, change := range []struct {
		bits uint32
		op   Op
	}{
		{fuse.FATTR_MODE, Chmod}, {fuse.FATTR_UID | fuse.FATTR_GID, Chown}, {fuse.FATTR_SIZE, Truncate},
		{fuse.FATTR_ATIME | fuse.FATTR_MTIME, Utimes},
	} {
		if in.Valid&change.bits != 0 {
			ops = append(ops, change.op)
		}
	}
	if errno := n.fail(n.name(), ops...); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Setattr(ctx, f, in, out)
}

func (n *node) Write(ctx context.Context, f fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := n.fail(n.name(), Write); errno != 0 {
		return 0, errno
	}
	return f.(fs.FileWriter).Write(ctx, data, off)
}

func (n *node) Fsync(ctx context.Context, f fs.FileHandle, flags uint32) syscall.Errno {
	if errno := n.fail(n.name(), Fsync); errno != 0 {
		return errno
	}
	return f.(fs.FileFsyncer).Fsync(ctx, flags)
}

func (n *node) Allocate(ctx context.Context, f fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	if errno := n.fail(n.name(), Fallocate); errno != 0 {
		return errno
	}
	return f.(fs.FileAllocater).Allocate(ctx, off, size, mode)
}

func (n *node) Setlk(ctx context.Context, f fs.FileHandle, owner uint64, lk *fuse.FileLock, flags uint32) syscall.Errno {
	if errno := n.fail(n.name(), Flock); errno != 0 {
		return errno
	}
	return f.(fs.FileSetlker).Setlk(ctx, owner, lk, flags)
}

func (n *node) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := n.fail(n.name(), EveryXattr); errno != 0 {
		return 0, errno
	}
	return n.LoopbackNode.Getxattr(ctx, attr, dest)
}

func (n *node) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	if errno := n.fail(n.name(), SetXattr, EveryXattr); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Setxattr(ctx, attr, data, flags)
}

func (n *node) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	if errno := n.fail(n.name(), EveryXattr); errno != 0 {
		return 0, errno
	}
	return n.LoopbackNode.Listxattr(ctx, dest)
}

func (n *node) Removexattr(ctx context.Context, attr string) syscall.Errno {
	if errno := n.fail(n.name(), EveryXattr); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Removexattr(ctx, attr)
}
