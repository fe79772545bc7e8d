//go:build !linux && !darwin && !windows

package sinks

func renameNoReplace(string, string) (done bool, err error) { return false, nil }
