package atomicfile_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watchedCalls are the system calls that concern files, by number, and how each of them can fail; not with what would
// be a lie, such as that a file has no ACL. Those that the
// runtime makes without telling its scheduler are not among them: a thread that waits in one would stop the collector
// of garbage, and that the one that answers.
var watchedCalls = map[int]watchedCall{
	unix.SYS_OPENAT:          {"openat", errnos(unix.EACCES, unix.EMFILE, unix.ENOSPC, unix.EIO, unix.EROFS)},
	unix.SYS_CLOSE:           {"close", errnos(unix.EIO, unix.ENOSPC)},
	unix.SYS_NEWFSTATAT:      {"newfstatat", errnos(unix.EIO, unix.EACCES)},
	unix.SYS_FSTAT:           {"fstat", errnos(unix.EIO)},
	unix.SYS_STATX:           {"statx", errnos(unix.ENOSYS, unix.EPERM, unix.EIO, unix.EACCES)},
	unix.SYS_STATFS:          {"statfs", errnos(unix.EIO, unix.ENOSYS)},
	unix.SYS_FSTATFS:         {"fstatfs", errnos(unix.EIO, unix.ENOSYS)},
	unix.SYS_LSEEK:           {"lseek", errnos(unix.EIO, unix.EINVAL, unix.ENXIO)},
	unix.SYS_READ:            {"read", errnos(unix.EIO)},
	unix.SYS_PREAD64:         {"pread64", errnos(unix.EIO)},
	unix.SYS_WRITE:           {"write", errnos(unix.EIO, unix.ENOSPC, unix.EDQUOT, unix.EFBIG)},
	unix.SYS_PWRITE64:        {"pwrite64", errnos(unix.EIO, unix.ENOSPC)},
	unix.SYS_FTRUNCATE:       {"ftruncate", errnos(unix.EIO, unix.EPERM, unix.EFBIG)},
	unix.SYS_FALLOCATE:       {"fallocate", errnos(unix.EOPNOTSUPP, unix.ENOSYS, unix.ENOSPC, unix.EIO, unix.EINVAL)},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", errnos(unix.EXDEV, unix.ENOSYS, unix.EIO, unix.ENOSPC)},
	unix.SYS_IOCTL:           {"ioctl", errnos(unix.EOPNOTSUPP, unix.EIO)},
	unix.SYS_FSYNC:           {"fsync", errnos(unix.EIO, unix.ENOSPC, unix.EDQUOT, unix.EINVAL)},
	unix.SYS_FDATASYNC:       {"fdatasync", errnos(unix.EIO)},
	unix.SYS_FLOCK:           {"flock", errnos(unix.ENOLCK, unix.ENOSYS, unix.EIO)},
	unix.SYS_FCHMOD:          {"fchmod", errnos(unix.EPERM, unix.EROFS, unix.EIO, unix.EOPNOTSUPP)},
	unix.SYS_FCHOWN:          {"fchown", errnos(unix.EPERM, unix.EIO, unix.EINVAL)},
	unix.SYS_UTIMENSAT:       {"utimensat", errnos(unix.EPERM, unix.EACCES, unix.EIO)},
	unix.SYS_RENAMEAT:        {"renameat", errnos(unix.EACCES, unix.EPERM, unix.EIO, unix.ENOSPC, unix.EXDEV, unix.EBUSY)},
	unix.SYS_RENAMEAT2:       {"renameat2", errnos(unix.EIO, unix.EINVAL, unix.ENOSYS, unix.EEXIST, unix.EACCES)},
	unix.SYS_LINKAT:          {"linkat", errnos(unix.EPERM, unix.EIO, unix.EOPNOTSUPP, unix.EMLINK, unix.EEXIST)},
	unix.SYS_UNLINKAT:        {"unlinkat", errnos(unix.EACCES, unix.EIO, unix.EBUSY)},
	unix.SYS_SYMLINKAT:       {"symlinkat", errnos(unix.EIO, unix.EPERM, unix.ENOSPC)},
	unix.SYS_READLINKAT:      {"readlinkat", errnos(unix.EIO, unix.EACCES)},
	unix.SYS_FACCESSAT:       {"faccessat", errnos(unix.EACCES, unix.EIO)},
	unix.SYS_FACCESSAT2:      {"faccessat2", errnos(unix.EACCES, unix.ENOSYS)},
	unix.SYS_LLISTXATTR:      {"llistxattr", errnos(unix.ENOSYS, unix.EIO, unix.EPERM, unix.ENOENT)},
	unix.SYS_FLISTXATTR:      {"flistxattr", errnos(unix.ENOSYS, unix.EIO)},
	unix.SYS_LGETXATTR:       {"lgetxattr", errnos(unix.ENOSYS, unix.EIO, unix.EPERM)},
	unix.SYS_FGETXATTR:       {"fgetxattr", errnos(unix.ENOSYS, unix.EIO)},
	unix.SYS_FSETXATTR:       {"fsetxattr", errnos(unix.EOPNOTSUPP, unix.EPERM, unix.EIO, unix.ENOSPC)},
	unix.SYS_FREMOVEXATTR:    {"fremovexattr", errnos(unix.EPERM, unix.EIO)},
	unix.SYS_FCNTL:           {"fcntl(F_DUPFD)", errnos(unix.EMFILE)}, // see filter
}

type watchedCall struct {
	name  string
	fails []syscall.Errno
}

func errnos(list ...syscall.Errno) []syscall.Errno { return list }

// A fault makes system calls fail. Those that are in watchedCalls can.
type fault struct {
	at    int // the number of the call in a run, from 0; negative: every call to nr
	nr    int // of the system call
	errno syscall.Errno
	stays bool // later calls to nr fail as well
}

func (f fault) String() string {
	s := fmt.Sprintf("call %d, %s: %v", f.at, watchedCalls[f.nr].name, f.errno)
	if f.at < 0 {
		s = fmt.Sprintf("every %s: %v", watchedCalls[f.nr].name, f.errno)
	} else if f.stays {
		s += ", and so for all later ones"
	}
	return s
}

// hits reports whether the fault concerns call number n of a run.
func (f fault) hits(n, nr int) bool {
	return nr == f.nr && (f.at < 0 || n == f.at || f.stays && n > f.at)
}

// A tracer runs functions on a thread whose system calls it sees, by a seccomp filter that asks (seccomp_unotify(2)).
// It answers in the same process, on another thread.
type tracer struct {
	listener int
	work     chan func()
	over     chan struct{} // closed when the answering has ended

	mu     sync.Mutex
	faults []fault
	seen   []int // the calls of the run under way
}

// newTracer starts a tracer, which ends with the test.
func newTracer(t *testing.T) *tracer {
	t.Helper()
	tr := &tracer{work: make(chan func()), over: make(chan struct{})}
	begun, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and never unlocked: the thread ends with its filter
		fd, err := installFilter()
		tr.listener = fd
		begun <- err
		for err == nil {
			f, ok := <-tr.work
			if !ok {
				return
			}
			f()
		}
	}()
	if err := <-begun; err != nil {
		t.Skipf("SKIPPED: this system allows no seccomp filter that asks: %v", err)
	}
	go func() {
		defer close(tr.over)
		tr.answer(ended)
	}()
	t.Cleanup(func() {
		close(tr.work)
		<-tr.over
		unix.Close(tr.listener)
	})
	return tr
}

// installFilter installs the filter on this thread.
func installFilter() (listener int, err error) {
	var prog []unix.SockFilter
	stmt := func(code uint16, k uint32) { prog = append(prog, unix.SockFilter{Code: code, K: k}) }
	unless := func(k uint32, skip uint8) {
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: k})
	}
	const load, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_RET | unix.BPF_K
	const ask, allow = unix.SECCOMP_RET_USER_NOTIF, unix.SECCOMP_RET_ALLOW
	stmt(load, 0) // seccomp_data.nr
	for nr := range watchedCalls {
		if nr != unix.SYS_FCNTL {
			unless(uint32(nr), 1)
			stmt(ret, ask)
		}
	}
	unless(unix.SYS_FCNTL, 3)
	stmt(load, 24) // seccomp_data.args[1]: the runtime makes the other commands
	unless(unix.F_DUPFD_CLOEXEC, 1)
	stmt(ret, ask)
	stmt(ret, allow)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, err
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// notification and response are struct seccomp_notif and struct seccomp_notif_resp.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type response struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

// answer answers until the thread has ended.
func (tr *tracer) answer(ended <-chan struct{}) {
	for {
		ready := []unix.PollFd{{Fd: int32(tr.listener), Events: unix.POLLIN}}
		n, _ := unix.Poll(ready, 50)
		switch {
		case n == 1 && ready[0].Revents&unix.POLLIN != 0:
			tr.answerOne()
			continue
		case n == 1:
			return // nobody has the filter any more
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

func (tr *tracer) answerOne() {
	var ask notification
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(tr.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&ask))); errno != 0 {
		return
	}
	reply := response{id: ask.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	switch errno := tr.look(int(ask.nr)); {
	case errno != 0:
		reply.err, reply.flags = -int32(errno), 0
		if ask.nr == unix.SYS_CLOSE { // which closes in any case; the threads have the same descriptors
			unix.Close(int(ask.args[0]))
		}
	case ask.nr == unix.SYS_FSYNC || ask.nr == unix.SYS_FDATASYNC:
		reply.flags = 0 // success; nothing here asks the disk
	}
	unix.Syscall(unix.SYS_IOCTL, uintptr(tr.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&reply)))
}

// look counts a call, and decides whether it fails.
func (tr *tracer) look(nr int) syscall.Errno {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	n := len(tr.seen)
	tr.seen = append(tr.seen, nr)
	for _, f := range tr.faults {
		if f.hits(n, nr) {
			return f.errno
		}
	}
	return 0
}

// run calls f under faults, and returns its error and the numbers of the system calls that it made.
func (tr *tracer) run(f func() error, faults ...fault) (calls []int, err error) {
	tr.mu.Lock()
	tr.faults, tr.seen = faults, nil
	tr.mu.Unlock()
	done := make(chan struct{})
	tr.work <- func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		err = f()
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		panic(fmt.Sprintf("it hangs under %v", faults))
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.seen, err
}

// The tracer sees the calls, and what it makes fail has not happened.
func TestTracer(t *testing.T) {
	tr := newTracer(t)
	name := t.TempDir() + "/f"
	create := func() error {
		fd, err := unix.Openat(unix.AT_FDCWD, name, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}
	calls, err := tr.run(create, fault{at: 0, nr: unix.SYS_OPENAT, errno: unix.EDQUOT})
	if _, serr := os.Stat(name); err != unix.EDQUOT || !os.IsNotExist(serr) || len(calls) != 1 {
		t.Errorf("%v, %v, calls %v", err, serr, calls)
	}
	calls, err = tr.run(create)
	if _, serr := os.Stat(name); err != nil || serr != nil || len(calls) != 2 || calls[1] != unix.SYS_CLOSE {
		t.Errorf("%v, %v, calls %v", err, serr, calls)
	}
	if _, err = tr.run(create, fault{at: 1, nr: unix.SYS_CLOSE, errno: unix.EIO}); err != unix.EIO {
		t.Error(err)
	}
}
