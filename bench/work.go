package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// random returns bytes that nothing compresses, the same ones every time.
func random() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

// noise is a setup: a file of random bytes.
func noise(in string, n int64) (string, error) {
	return size(n).String(), create(in, func(w io.Writer) error {
		_, err := io.CopyN(w, random(), n)
		return err
	})
}

// text is a setup: something like a server's log, a quarter of the size, because compressing takes its time.
func text(in string, n int64) (string, error) {
	n = max(n/4, 1)
	r := rand.New(random())
	verbs := []string{"GET", "GET", "GET", "HEAD", "POST"}
	return size(n).String(), create(in, func(w io.Writer) error {
		for left := n; left > 0; {
			line := fmt.Appendf(nil, "10.0.%d.%d [%d] \"%s /item/%x HTTP/1.1\" 200 %d\n",
				r.IntN(256), r.IntN(256), 1_700_000_000+(n-left)/50, verbs[r.IntN(len(verbs))], r.Uint32(), r.IntN(100_000))
			line = line[:min(left, int64(len(line)))]
			left -= int64(len(line))
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// smallFiles is a setup: a directory with up to 1000 files of 1 to 16 KiB, 100 in each of its directories.
func smallFiles(in string, n int64) (string, error) {
	count := int(min(max(n>>20, 10), 1000))
	r := rand.New(random())
	for i := range count {
		directory := filepath.Join(in, strconv.Itoa(i/100))
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return "", err
		}
		if _, err := noise(filepath.Join(directory, strconv.Itoa(i)), 1<<10+r.Int64N(15<<10)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d files", count), nil
}

// sparse is a setup: a file of ten times the size, with 4 KiB of data in the middle and nothing else.
func sparse(in string, n int64) (string, error) {
	f, err := os.Create(in)
	if err != nil {
		return "", err
	}
	data := make([]byte, 4<<10)
	random().Read(data)
	_, err = f.WriteAt(data, 5*n&^0xfff)
	return size(10*n).String() + " with 4 KiB of data", errors.Join(err, f.Truncate(10*n), f.Close())
}

func create(name string, fill func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 64<<10)
	return errors.Join(fill(w), w.Flush(), f.Close())
}

// sameBytes is a check: both outputs are the input once more.
func sameBytes(in, ours, theirs string) error {
	want, err := digest(in)
	if err != nil {
		return err
	}
	for _, out := range []string{ours, theirs} {
		switch got, err := digest(out); {
		case err != nil:
			return err
		case got != want:
			return fmt.Errorf("%s is not the copy of %s", out, in)
		}
	}
	return nil
}

// sameTree is a check: both outputs have the files that the input has, and no other ones.
func sameTree(in, ours, theirs string) error {
	err := filepath.WalkDir(in, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(in, path)
		if err != nil {
			return err
		}
		return sameBytes(path, filepath.Join(ours, name), filepath.Join(theirs, name))
	})
	if err != nil {
		return err
	}
	want, err := entries(in)
	if err != nil {
		return err
	}
	for _, out := range []string{ours, theirs} {
		switch got, err := entries(out); {
		case err != nil:
			return err
		case got != want:
			return fmt.Errorf("%s has %d files and directories, %s %d", out, got, in, want)
		}
	}
	return nil
}

// entries counts the files and directories under dir.
func entries(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, _ fs.DirEntry, err error) error {
		n++
		return err
	})
	return n, err
}

// sameHoles is a check: both outputs have the input's size, data and holes. It reads only the data, which sparse has put there.
func sameHoles(in, ours, theirs string) error {
	want, err := os.Stat(in)
	if err != nil {
		return err
	}
	n, at := want.Size(), want.Size()/2&^0xfff
	data, err := digestFrom(in, at)
	if err != nil {
		return err
	}
	for _, out := range []string{ours, theirs} {
		got, err := os.Stat(out)
		if err != nil {
			return err
		}
		if got.Size() != n || allocated(got) > allocated(want) {
			return fmt.Errorf("%s has %d bytes, %d of them on the disk; want %d and %d", out, got.Size(), allocated(got), n, allocated(want))
		}
		switch copied, err := digestFrom(out, at); {
		case err != nil:
			return err
		case copied != data:
			return fmt.Errorf("%s lacks the data in the middle", out)
		}
	}
	return nil
}

// sameGzip is a check: both outputs are the input compressed, and ours is at most a tenth larger: compressing less is quicker.
func sameGzip(in, ours, theirs string) error {
	want, err := digest(in)
	if err != nil {
		return err
	}
	var sizes []int64
	for _, out := range []string{ours, theirs} {
		f, err := os.Open(out)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return fmt.Errorf("%s: %w", out, err)
		}
		got, err := digestOf(z)
		if err != nil {
			return fmt.Errorf("%s: %w", out, err)
		}
		if got != want {
			return fmt.Errorf("%s does not unpack to %s", out, in)
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		sizes = append(sizes, info.Size())
	}
	// Some bytes more, for headers.
	if sizes[0] > sizes[1]+sizes[1]/10+64 {
		return fmt.Errorf("%s has %d bytes, %s %d", ours, sizes[0], theirs, sizes[1])
	}
	return nil
}

func digest(name string) ([sha256.Size]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	defer f.Close()
	return digestOf(f)
}

// digestFrom reads 4 KiB only.
func digestFrom(name string, at int64) ([sha256.Size]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	defer f.Close()
	return digestOf(io.NewSectionReader(f, at, 4<<10))
}

func digestOf(r io.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	_, err = io.Copy(h, r)
	h.Sum(sum[:0])
	return sum, err
}
