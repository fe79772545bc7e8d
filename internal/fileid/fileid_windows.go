package fileid

import (
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

func system(fs.FileInfo) (ID, Time) { return ID{}, Time{} }

// basicInfo is FILE_BASIC_INFO. Times are in units of 100 ns since 1601.
type basicInfo struct {
	creation, access, write, change int64
	attributes                      uint32
	_                               uint32
}

func handle(f *os.File) (id ID, changed Time) {
	conn, err := f.SyscallConn()
	if err != nil {
		return ID{}, Time{}
	}
	_ = conn.Control(func(h uintptr) {
		var about windows.ByHandleFileInformation
		if windows.GetFileInformationByHandle(windows.Handle(h), &about) != nil {
			return
		}
		id = ID{uint64(about.VolumeSerialNumber), uint64(about.FileIndexHigh)<<32 | uint64(about.FileIndexLow)}
		var basic basicInfo
		if windows.GetFileInformationByHandleEx(windows.Handle(h), windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), uint32(unsafe.Sizeof(basic))) != nil {
			return
		}
		if basic.change > 0 { // FAT has none
			const seconds1601 = 11644473600
			changed = Time{basic.change/1e7 - seconds1601, basic.change % 1e7 * 100}
		}
	})
	return id, changed
}

// device: there are none with names in a directory.
func device(fs.FileInfo) (ID, bool) { return ID{}, false }

// unallocated: what blocks a file has is not known.
func unallocated(fs.FileInfo) bool { return false }
