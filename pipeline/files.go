package pipeline

import (
	"fmt"
	"slices"
)

// A fileUse is what a node says about the file that it reads or writes.
type fileUse struct {
	id      func() any // nil: it uses none
	writes  bool
	inPlace bool
}

// Reads returns s, whose first node reads a file that may be the one that another node of the run writes. file is called when a run
// starts, and again when a source starts later, but only if that could matter. It returns a comparable value that
// identifies the file, by whatever name, or nil if there is none that could be damaged; a [Sink.Writes] of the same run has
// values of the same kind.
//
// A run that would read a file and write it in place fails with a [*SameFileError], before any node starts.
func (s Source) Reads(file func() any) Source {
	if len(s.nodes) == 0 {
		return s
	}
	first := *s.nodes[0]
	first.file = fileUse{id: file}
	return Source{append([]*spec{&first}, s.nodes[1:]...)}
}

// Writes returns s, whose last node writes a file: in place, so that others see it change, or as a whole in the end, so that the run may
// also read the old one. See [Source.Reads]. A run that would write one file twice fails as well.
func (s Sink) Writes(inPlace bool, file func() any) Sink {
	if len(s.nodes) == 0 {
		return s
	}
	end := len(s.nodes) - 1
	last := *s.nodes[end]
	last.file = fileUse{id: file, writes: true, inPlace: inPlace}
	return Sink{append(s.nodes[:end:end], &last)}
}

// SameFileError is a node that would write the file that another node of the run uses.
type SameFileError struct {
	Other  string // the node that uses it, too
	Writes bool   // whether that writes it, or reads it
}

func (e *SameFileError) Error() string {
	if e.Writes {
		return fmt.Sprintf("is the same file as %s, which is written, too", e.Other)
	}
	return fmt.Sprintf("is the same file as %s, which is read", e.Other)
}

// fileUses are the nodes of a description that use files.
type fileUses struct {
	readers, writers []*spec
	inPlace          bool // one of the writers does
}

// add adds a description, with all that it has inside.
func (u *fileUses) add(specs []*spec) {
	for _, s := range specs {
		switch {
		case s.file.id == nil:
		case s.file.writes:
			u.writers = append(u.writers, s)
			u.inPlace = u.inPlace || s.file.inPlace
		default:
			u.readers = append(u.readers, s)
		}
		for _, in := range s.inputs {
			u.add(in.nodes)
		}
		for _, b := range s.branches {
			u.add(b.nodes)
		}
	}
}

// matters reports whether it can matter which files the nodes use: a run that replaces one file has nothing to find out.
func (u *fileUses) matters() bool { return u.inPlace || len(u.writers) > 1 }

// check fails if two nodes write one file, or if one of the readers reads what is written in place.
func (u *fileUses) check(readers []*spec) error {
	if !u.matters() {
		return nil
	}
	written := make(map[any]*spec)
	for _, w := range u.writers {
		id := w.file.id()
		if id == nil {
			continue
		}
		if other, ok := written[id]; ok {
			return &Error{Node: w.name, Err: &SameFileError{Other: other.name, Writes: true}}
		}
		written[id] = w
	}
	if !u.inPlace {
		return nil
	}
	for _, r := range readers {
		id := r.file.id()
		if id == nil {
			continue
		}
		if w, ok := written[id]; ok && w.file.inPlace {
			return &Error{Node: w.name, Err: &SameFileError{Other: r.name}}
		}
	}
	return nil
}

// checkFiles fails if the flow would damage one of its own files.
func (r *Run) checkFiles() error {
	var read, written [4]*spec
	u := fileUses{readers: read[:0], writers: written[:0]}
	u.add(r.specs)
	return u.check(u.readers)
}

// nestFiles fails if nodes that are about to start inside n would damage a file that another node uses, or be damaged. Until
// release is called, others that start are compared with them.
func (n *node) nestFiles(specs []*spec) (release func(), err error) {
	var added fileUses
	added.add(specs)
	if len(added.readers) == 0 && len(added.writers) == 0 {
		return func() {}, nil
	}
	r, nested := n.run, &nestedFiles{specs}
	var all fileUses // the added ones last, so that they are to blame
	r.mu.Lock()
	all.add(r.specs)
	for _, other := range r.nested {
		all.add(other.specs)
	}
	r.nested = append(r.nested, nested)
	r.mu.Unlock()
	for around := n; around != nil; around = around.outer { // they use the file through the nested ones
		isIt := func(s *spec) bool { return s == around.spec }
		all.readers, all.writers = slices.DeleteFunc(all.readers, isIt), slices.DeleteFunc(all.writers, isIt)
	}
	all.add(specs)
	if len(added.writers) > 0 {
		added.readers = all.readers
	}
	if err := all.check(added.readers); err != nil {
		r.unnestFiles(nested)
		return nil, err
	}
	return func() { r.unnestFiles(nested) }, nil
}

// nestedFiles are nodes inside another one, while they run.
type nestedFiles struct{ specs []*spec }

func (r *Run) unnestFiles(n *nestedFiles) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nested = slices.DeleteFunc(r.nested, func(o *nestedFiles) bool { return o == n })
}
