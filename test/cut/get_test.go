//go:build unix

package cut_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/test/internal/command"
)

var (
	size = flag.Int64("cut.size", 64, "of the file that TestGet downloads, in MiB")
	seed = flag.Uint64("cut.seed", 0, "of everything random; 0: a new one")
)

// What may have to be sent again, in bytes.
const (
	lost   = 4 << 20 // after a reset: what was in the connection's buffers
	header = 1 << 10 // after any cut
)

// Through a proxy that cuts, delays and resets, get gets the file; and when the file changes once
// on the way, the new one, whole. No more is sent than the file, what had come of the old one, and
// what was under way when a connection was reset.
//
//	go test -v -count=1 -timeout=1h -run TestGet ./test/cut -cut.size=1024
func TestGet(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	type change struct {
		during, atCut bool
		gentle        bool
		how           func(dir string) error
	}
	full := *size<<20 + 12345
	for name, change := range map[string]change{
		"stays":                             {},
		"stays, and no connection is reset": {gentle: true},
		"is replaced under way": {during: true, how: func(dir string) error {
			return os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "big"))
		}},
		"is replaced at a cut": {atCut: true, how: func(dir string) error {
			return os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "big"))
		}},
		"is written over at a cut": {atCut: true, how: func(dir string) error {
			return copyOver(filepath.Join(dir, "new"), filepath.Join(dir, "big"))
		}},
	} {
		t.Run("the file "+name, func(t *testing.T) {
			t.Parallel()
			dir, into := t.TempDir(), t.TempDir()
			old := random(t, filepath.Join(dir, "big"), full, 1)
			want := old
			if change.how != nil {
				want = random(t, filepath.Join(dir, "new"), full, 2)
			}
			var changed atomic.Int64 // after so many bytes
			var once sync.Once
			alter := func(sent int64) {
				if sent < full/2 {
					return
				}
				once.Do(func() {
					changed.Store(sent)
					if err := change.how(dir); err != nil {
						t.Error(err)
					}
				})
			}
			p := &proxy{to: command.Serve(t, dir, ".").Address(), random: rand.New(rand.NewPCG(*seed, 0)), gentle: change.gentle}
			if change.during {
				p.during = alter
			}
			if change.atCut {
				p.atCut = alter
			}
			p.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(*size)*time.Second)
			defer cancel()
			// The default of 5 tries without progress in a row is enough for most seeds, not for all.
			cmd := exec.CommandContext(ctx, command.Build(t), "get", "--retries", "20", "http://"+p.Addr().String()+"/big", "copy")
			cmd.Dir = into
			cmd.WaitDelay = 10 * time.Second
			start := time.Now()
			said, err := cmd.CombinedOutput()
			took := time.Since(start)
			p.Close()
			sent, cuts, resets := p.counts()
			again := sent - full - changed.Load()
			t.Logf("seed %d: %d MiB in %v; %d cuts, %d of them resets; the file changed after %d bytes; %d bytes were sent again",
				*seed, *size, took.Round(time.Millisecond), cuts, resets, changed.Load(), again)
			if err != nil {
				t.Fatalf("get: %v (%v): %s", err, ctx.Err(), said)
			}
			if got := digest(t, filepath.Join(into, "copy")); !bytes.Equal(got, want) {
				t.Errorf("the file is not what the server has; it is what the server had: %t\n%s", bytes.Equal(got, old), said)
			}
			most := int64(resets)*lost + int64(cuts+1)*header
			if change.during {
				most += longest // the rest of the old file's last answer
			}
			if cuts < int(*size)/8 || again > most {
				t.Errorf("%d cuts, want %d or more; %d bytes were sent again, want %d at most\n%s", cuts, *size/8, again, most, said)
			}
			if (changed.Load() > 0) != (change.how != nil) {
				t.Errorf("the file changed after %d bytes", changed.Load())
			}
			if names, _ := filepath.Glob(filepath.Join(into, ".*")); len(names) > 0 {
				t.Errorf("left: %s", strings.Join(names, " "))
			}
		})
	}
}

// random writes a file and returns its digest.
func random(t *testing.T, name string, size int64, seed byte) []byte {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8([32]byte{seed}), size)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return h.Sum(nil)
}

func digest(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return h.Sum(nil)
}

// copyOver gives a file the bytes of another one, in place.
func copyOver(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
