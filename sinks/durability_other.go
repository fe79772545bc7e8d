//go:build !darwin

package sinks

import "os"

// syncFile syncs f, which here goes down to the medium with each Durability.
func syncFile(f *os.File, _ Durability) error { return f.Sync() }
