//go:build !linux

package copytree

import (
	"io/fs"
	"os"
)

// attributes are not kept here.
type attributes struct{}

func unknownAttributes(error) attributes { return attributes{} }

func attributesOf(*os.File, bool) attributes { return attributes{} }

func dropInherited(*os.Root) error { return nil }

func (attributes) narrow(mode fs.FileMode) fs.FileMode { return mode }

func (attributes) give(*os.File) []error { return nil }
