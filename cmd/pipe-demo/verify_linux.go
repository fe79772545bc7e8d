package main

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// dropCached makes the system forget what it holds of a file in memory, so that it is read from the device. What is not
// there yet could not be forgotten, so it is written first. Devices and descriptors are left alone.
func dropCached(root *os.Root, name string) error {
	if root == nil {
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: a file system without it reads from memory
	return nil
}

// ownFiles are those files that this process has open.
func ownFiles(files []fs.DirEntry) []fs.DirEntry {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return files
	}
	var own []fs.DirEntry
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			continue // it is gone, so it was not ours
		}
		for _, fd := range open {
			if at, err := os.Stat("/proc/self/fd/" + fd.Name()); err == nil && os.SameFile(at, info) {
				own = append(own, f)
				break
			}
		}
	}
	return own
}
