//go:build unix && !darwin && !freebsd && !netbsd

package fileid

import "syscall"

func changeTime(st *syscall.Stat_t) Time { return Time{int64(st.Ctim.Sec), int64(st.Ctim.Nsec)} }
