package ioctx_test

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func ptyName(t *testing.T, master int) string {
	t.Helper()
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return "/dev/pts/" + strconv.Itoa(n)
}
