//go:build unix

package crash_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// standInVariable makes the test's own binary copy a file, in the way that it names, instead of testing anything.
const standInVariable = "CRASH_TEST_STAND_IN"

// standIn copies the file named by the last argument but one to the one named by the last.
func standIn(how string) (code int) {
	src, dst := os.Args[len(os.Args)-2], os.Args[len(os.Args)-1]
	if err := copyBadly(how, src, dst); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func copyBadly(how, src, dst string) error {
	data, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	dir, base := filepath.Split(dst)
	stale, err := filepath.Glob(dir + "." + base + ".weir-*")
	if err != nil {
		return err
	}
	if how == "fails after a kill" && len(stale) > 0 {
		return fmt.Errorf("there is %s", stale[0])
	}
	if how != "leaves its debris" {
		for _, name := range stale {
			os.Remove(name)
		}
	}

	temporary := dir + "." + base + ".weir-" + strconv.Itoa(rand.IntN(1e9))
	switch how {
	case "writes in place":
		temporary = dst
	case "scatters":
		temporary = dir + "temporary"
	case "resumes another's bytes":
		temporary = dir + "." + base + ".part"
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if how == "resumes another's bytes" {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	f, err := os.OpenFile(temporary, flags, 0o644)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && how == "resumes another's bytes" {
		data = data[min(info.Size(), int64(len(data))):]
	}
	if how == "publishes too early" {
		os.Rename(temporary, dst)
		temporary = dst
	}
	if how == "removes the old file" {
		os.Remove(dst)
	}
	r := bytes.NewReader(data)
	for r.Len() > 0 {
		if _, err := io.CopyN(f, r, 64<<10); err != nil && err != io.EOF {
			return err
		}
		time.Sleep(time.Millisecond) // to be hit
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temporary, dst)
}
