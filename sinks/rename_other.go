//go:build !windows

package sinks

// rename puts from in the place of to.
func rename(tree tree, from, to string) error { return tree.Rename(from, to) }
