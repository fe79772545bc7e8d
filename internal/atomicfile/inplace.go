package atomicfile

import (
	"errors"
	"fmt"
	"os"
)

// An InPlace is an old file that is changed where it is. Like a [File] it has two exits, but others see what is
// written as it comes.
type InPlace struct {
	writer
	dest *Destination
	opts Options
	lock lock
	over bool
}

// Append opens the file to write behind its end. Discard cuts it back to its old length, unless another process
// has written to it meanwhile. It takes d over.
func (d *Destination) Append(opts Options) (*InPlace, error) {
	f, err := d.change(os.O_APPEND, opts)
	if err == nil {
		f.appends = true
	}
	return f, err
}

// Overwrite opens the file to write over it. It is emptied when the first byte comes, which Discard cannot
// undo. It takes d over.
func (d *Destination) Overwrite(opts Options) (*InPlace, error) {
	f, err := d.change(0, opts)
	if err == nil {
		f.before = func() error { return f.file.Truncate(0) }
	}
	return f, err
}

// change opens and locks the file.
func (d *Destination) change(flag int, opts Options) (f *InPlace, err error) {
	defer d.closeUnless(&err)
	if err := d.check(opts); err != nil {
		return nil, err
	}
	f = &InPlace{dest: d, opts: opts}
	f.size = opts.Size
	if f.file, err = d.dir.open(d.base, os.O_WRONLY|flag, 0, d.name); err != nil {
		return nil, d.failed("open", err)
	}
	var held bool
	if f.lock, held, _, err = take(f.file); err == nil && !held {
		err = errors.New("another process has locked it")
	}
	if err != nil {
		f.file.Close()
		return nil, d.failed("lock", err)
	}
	if d.old, err = statFile(f.file); err != nil {
		f.lock.release()
		f.file.Close()
		return nil, d.named(err, f.file)
	}
	return f, nil
}

// Finish does what is left to do when all bytes have been written. check, if not nil, is called before the close. It
// may read the file, and its error is Finish's.
func (f *InPlace) Finish(check func(f *os.File) error) error {
	return f.dest.named(f.finish(check), f.file)
}

func (f *InPlace) finish(check func(f *os.File) error) error {
	if !f.appends {
		if err := f.writer.finish(); err != nil {
			return err
		}
	}
	if now, err := statFile(f.file); err == nil && f.dest.old.links > 0 && now.links == 0 {
		return f.dest.failed("write", errors.New("the file was removed during the run"))
	}
	if f.opts.Owner != nil {
		if err := f.opts.setOwner(f.file); err != nil {
			return err
		}
	}
	if err := f.opts.setTimes(f.dest.dir, f.dest.base); err != nil {
		return f.dest.failed("chtimes", err)
	}
	if err := syncFile(f.file, f.opts.Sync); err != nil {
		return err
	}
	if check != nil {
		if err := f.read(check); err != nil {
			return err
		}
	}
	return f.file.Close()
}

// read calls check with the file open for reading.
func (f *InPlace) read(check func(f *os.File) error) error {
	d := f.dest
	file, err := d.dir.open(d.base, os.O_RDONLY, 0, d.name)
	if err != nil {
		return d.failed("open", err)
	}
	defer file.Close()
	return check(file)
}

// Publish ends the use of a finished file.
func (f *InPlace) Publish() error {
	f.release()
	return nil
}

// Discard takes back what was appended, or says that the old content is lost. After Publish, or a second time,
// it does nothing.
func (f *InPlace) Discard() error {
	if f.over {
		return nil
	}
	defer f.release()
	switch {
	case f.appends && f.off > 0:
		return f.cut()
	case !f.appends && f.begun:
		return LostError{f.dest.name}
	}
	return nil
}

// A LostError is the error of Discard if it cannot give a file its old content back.
type LostError struct{ Path string }

func (LostError) Error() string {
	return "was being overwritten in place: its old content is lost"
}

// cut makes the file as long as it was.
func (f *InPlace) cut() error {
	d := f.dest
	left := func(err error) error { return fmt.Errorf("what was appended is left: %w", d.named(err, f.file)) }
	file, err := d.dir.open(d.base, os.O_WRONLY, 0, d.name)
	if err != nil {
		return left(d.failed("open", err))
	}
	defer file.Close()
	there, err := statFile(file)
	switch {
	case err != nil:
		return left(err)
	case !there.same(d.old) || there.size != d.old.size+f.off:
		return errors.New("the appended bytes stay, because another process has changed the file")
	}
	if err := file.Truncate(d.old.size); err != nil {
		return left(err)
	}
	return nil
}

func (f *InPlace) release() {
	f.over = true
	f.file.Close() // if Finish has not; its error counted there
	f.lock.release()
	f.dest.Close()
}
