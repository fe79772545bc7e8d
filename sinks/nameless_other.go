//go:build !linux

package sinks

import "errors"

const namelessMax = 0

// createNameless: only Linux has files without names.
func (t *tempFile) createNameless(string) bool { return false }

func (t *tempFile) link(string) error { return errors.ErrUnsupported }

func (t *tempFile) namelessPath() (string, error) { return "", errors.ErrUnsupported }
