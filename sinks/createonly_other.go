//go:build !linux && !darwin && !windows

package sinks

import "os"

func renameNoReplace(tree, *os.File, string, string) (done bool, err error) { return false, nil }
