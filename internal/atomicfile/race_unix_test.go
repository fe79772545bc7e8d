//go:build unix && !aix && !solaris

package atomicfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
)

// A child of this test writes files until it is killed. The variable has its directory.
const childEnv = "WEIR_ATOMICFILE_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		for i := byte(0); ; i++ {
			if err := writePieces(nil, name, 'a'+i%26); err != nil {
				fmt.Fprint(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

const pieces = 8 // of 1 KiB that a file is written in

// writePieces writes a file of one letter.
func writePieces(root *os.Root, name string, letter byte) error {
	d, err := atomicfile.Locate(root, name)
	if err != nil {
		return err
	}
	f, err := d.Create(atomicfile.Options{Sync: atomicfile.SyncNone})
	if err != nil {
		return err
	}
	defer f.Discard()
	for range pieces {
		if _, err := f.Write(bytes.Repeat([]byte{letter}, 1<<10)); err != nil {
			return err
		}
	}
	if err := f.Finish(nil); err != nil {
		return err
	}
	return f.Publish()
}

// whole fails unless the file, if it is there, is what one call of writePieces wrote.
func whole(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil || len(b) != pieces<<10 || strings.Trim(string(b), string(b[:1])) != "" {
		t.Errorf("a file of %d bytes that is not what one writer wrote, %v", len(b), err)
	}
}

// Writers to one name, and others that take their files for stale ones as often as they can: no file is removed that
// is in use, none is published that is not complete, and nothing is left.
func TestWritersAndSweepers(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	const writers, rounds = 8, 5
	done := make(chan struct{})
	var work, sweepers sync.WaitGroup
	for range 3 {
		sweepers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					atomicfile.Sweep(root, "out")
				}
			}
		})
	}
	for i := range writers {
		work.Go(func() {
			for range rounds {
				// As if killed: a file that nobody has locked.
				stale := filepath.Join(dir, fmt.Sprintf(".out.weir-%d", rand.IntN(3)))
				if f, err := os.OpenFile(stale, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
					f.Close()
				}
				if err := writePieces(root, "out", 'a'+byte(i)); err != nil {
					t.Error(err)
				}
				whole(t, name)
			}
		})
	}
	work.Wait()
	close(done)
	sweepers.Wait()
	atomicfile.Sweep(root, "out")
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

// Processes that write one name, and are killed at any moment: what is there is whole, and the next run to it leaves
// nothing else.
func TestProcessesThatAreKilled(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.Command(exe)
		cmd.Env, cmd.Stderr = append(os.Environ(), childEnv+"="+name), os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		cmd.Process.Kill()
		cmd.Wait()
		if cmd.ProcessState.Exited() {
			t.Error("a writer failed:", cmd.ProcessState)
		}
	}
	kills := 40
	if testing.Short() {
		kills = 5
	}
	var writers []*exec.Cmd
	for range 3 {
		writers = append(writers, start())
	}
	for range kills {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond) // the moment is chance
		whole(t, name)
		i := rand.IntN(len(writers))
		kill(writers[i])
		writers[i] = start()
	}
	for _, w := range writers {
		kill(w)
	}
	if err := writePieces(nil, name, 'z'); err != nil {
		t.Error(err)
	}
	whole(t, name)
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}
