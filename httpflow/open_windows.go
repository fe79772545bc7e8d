package httpflow

import (
	"io/fs"
	"os"
	"syscall"
)

const nonblock = 0

// identity tells files apart that exist at the same time.
func identity(f *os.File, _ fs.FileInfo) (device, inode uint64) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, 0
	}
	var info syscall.ByHandleFileInformation
	_ = conn.Control(func(h uintptr) {
		err = syscall.GetFileInformationByHandle(syscall.Handle(h), &info)
	})
	if err != nil {
		return 0, 0
	}
	return uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)
}
