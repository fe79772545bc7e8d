package fileid_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/fileid"
)

// ramfs has coarse times also in kernels whose disk file systems have fine ones.
func TestSettledWithCoarseTimes(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "ramfs", unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		t.Skipf("NOT RUN: no ramfs can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	quickChanges(t, dir)
}

// What procfs says of the times of its files has nothing to do with their content.
func TestSettledOfAPseudoFile(t *testing.T) {
	var v fileid.Version
	v, _ = settled(t, "/proc/self/stat")
	if v.Strong() {
		t.Errorf("%+v is strong", v)
	}
}
