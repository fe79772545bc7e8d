//go:build darwin || freebsd || netbsd

package fileid

import "syscall"

func changeTime(st *syscall.Stat_t) Time {
	return Time{int64(st.Ctimespec.Sec), int64(st.Ctimespec.Nsec)}
}
