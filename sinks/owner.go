package sinks

import "os"

// Owner is who a file belongs to, where files have numeric owners. An id of -1 leaves what the file has.
//
// Only root may give files away. Without that right, the group is set if it is one of the process's groups,
// and what cannot be set stays as it is, as with cp -p; the setuid and setgid bits, which would then mean
// something else, are never set.
type Owner struct {
	UID, GID int

	// Required makes the run fail if the owner or the group cannot be set.
	Required bool
}

// give sets the owner and the group of f.
func (o *Owner) give(f *os.File) error {
	err := f.Chown(o.UID, o.GID)
	if err == nil || o.Required {
		return err
	}
	if !mayNotOwn(err) {
		return err
	}
	_ = f.Chown(-1, o.GID)
	return nil
}
