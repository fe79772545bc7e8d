package sources_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/weirflow/weir/internal/fusetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// What a file system says about sizes is not taken for more than it is: what counts is where reading ends.
func TestFileInFUSE(t *testing.T) {
	for _, size := range []int{0, 1, 5000, 3 << 20} {
		want := text(size)
		for said, f := range map[string]func(uint64) uint64{
			"the truth":        func(n uint64) uint64 { return n },
			"0":                func(uint64) uint64 { return 0 },
			"less":             func(n uint64) uint64 { return n / 2 },
			"more, and no end": func(n uint64) uint64 { return n + 1 },
		} {
			dir, _ := fusetest.Mount(t, fusetest.Options{Size: func(_ string, n uint64) uint64 { return f(n) }})
			name := filepath.Join(dir, "in")
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
			got, promised, err := drain(t.Context(), sources.File(name))
			if said == "more, and no end" {
				if err == nil {
					t.Errorf("%d bytes, said to be more: got %d", size, len(got))
				}
				continue
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, said to be %s: got %d, %v", size, said, len(got), err)
			}
			if promised >= 0 && promised != int64(size) {
				t.Errorf("%d bytes, said to be %s: promised %d", size, said, promised)
			}
			out := filepath.Join(t.TempDir(), "out")
			if _, err := sources.File(name).To(sinks.File(out)).Run(t.Context()); err != nil {
				t.Errorf("%d bytes, said to be %s: %v", size, said, err)
			}
			if got, err := os.ReadFile(out); !bytes.Equal(got, want) || err != nil {
				t.Errorf("%d bytes, said to be %s: the copy has %d, %v", size, said, len(got), err)
			}
		}
	}
}

// A file that cannot be read is not empty, whatever its size.
func TestFileInFUSEThatCannotBeRead(t *testing.T) {
	for _, said := range []uint64{0, 1, 5000} {
		dir, below := fusetest.Mount(t, fusetest.Options{
			Fail: fusetest.Refuse(syscall.EIO, fusetest.Read), Size: func(string, uint64) uint64 { return said },
		})
		if err := os.WriteFile(filepath.Join(below, "in"), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		_, err := sources.File(filepath.Join(dir, "in")).To(sinks.File(out)).Run(t.Context())
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("said to have %d bytes: %v", said, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("said to have %d bytes: there is a copy", said)
		}
	}
}

// Neither reading nor the time that passes is a change.
func TestFileInFUSEIsNotChangedByReading(t *testing.T) {
	dir, _ := fusetest.Mount(t, fusetest.Options{})
	name := filepath.Join(dir, "in")
	if err := os.WriteFile(name, text(1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, _, err := drain(t.Context(), sources.File(name)); err != nil {
			t.Fatal(err)
		}
	}
}
