//go:build unix && !linux && !aix

package fileid

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tick is that of kernels that stamp changes with a clock that moves a hundred times a second.
const tick = 10 * time.Millisecond

func clock() Time {
	var now unix.Timeval
	if unix.Gettimeofday(&now) != nil {
		return Time{}
	}
	sec, nsec := now.Unix()
	return Time{sec, nsec}
}

// pause waits for a millisecond of this clock, which is not that of a synctest bubble.
func pause() {
	ms := unix.NsecToTimeval(int64(time.Millisecond))
	_, _ = unix.Select(0, nil, nil, nil, &ms) // a signal may interrupt it
}

// changesOf finds out how the file system of f keeps the times of changes.
func changesOf(f *os.File) changes {
	switch fileSystem(f) {
	case "", "msdos", "msdosfs", "exfat", "cd9660", "udf", "fuse", "fusefs", "macfuse", "osxfuse":
		return uncounted
	case "nfs", "smbfs", "afpfs", "webdav":
		return remote
	}
	return local
}
